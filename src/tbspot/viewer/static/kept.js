// Which films this tab has dropped, so that its list outlives the way to a film and back.
// Addresses alone: they hold no name, and a browser may write them to the disk.

const KEY = "dropped";

export function kept() {
  return JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
}

export function keep(address) {
  store([...kept(), address]);
}

export function drop(address) {
  store(kept().filter((one) => one !== address));
}

function store(addresses) {
  sessionStorage.setItem(KEY, JSON.stringify(addresses));
}
