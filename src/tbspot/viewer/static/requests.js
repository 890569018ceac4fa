// Asking the server, and saying in its own words what went wrong.

export const LOST = "the page lost its connection to tbspot; is it still running?";

// The answer, or an Error with the server's sentence.
export async function ask(address, options) {
  const answer = await fetch(address, options).catch(() => { throw new Error(LOST); });
  if (answer.ok) return answer;
  const sentence = (await answer.text()).trim() || `status ${answer.status}`;
  throw Object.assign(new Error(sentence), { status: answer.status });
}

// Do something; if it fails, the page says why.
export async function attempt(work) {
  try {
    await work();
  } catch (error) {
    const fault = document.querySelector(".fault");
    fault.hidden = false;
    fault.textContent = error.message;
  }
}

// Do something, while a part of the page says that it is not ready.
export async function whileBusy(element, work) {
  element.ariaBusy = "true";
  try {
    await work();
  } finally {
    element.ariaBusy = "false";
  }
}

// A function that asks with the newest argument only: while an answer is awaited, arguments
// between the first and the last are left out, so that a slider never lags behind.
export function newest(work) {
  let waiting, busy = false;
  return async function run(argument) {
    waiting = { argument };
    if (busy) return;
    busy = true;
    try {
      while (waiting) {
        const next = waiting.argument;
        waiting = undefined;
        await work(next);
      }
    } finally {
      busy = false;
    }
  };
}
