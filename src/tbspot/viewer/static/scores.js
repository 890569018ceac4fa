// A score in [0, 1] as people read it: 0 to 100 with one decimal, as tbspot/scores.py has it.

const tenths = (score) => Math.min(Math.floor(1000 * score + 0.5), score < 1 ? 999 : 1000);

// threshold: a score under it is not rounded up to it
export function shownScore(score, threshold = null) {
  let shown = tenths(score);
  if (threshold !== null && score < threshold) shown = Math.max(0, Math.min(shown, tenths(threshold) - 1));
  return (shown / 10).toFixed(1);
}

// In the words of the command line.
export function called(score, threshold) {
  return score >= threshold ? "called TB" : "not called TB";
}
