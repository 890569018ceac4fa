// Single keys as commands, except where somebody types or reads the dialog of keys.

export function onKeys(commands) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.matches("input[type=search], select, textarea")) return;
    if (document.querySelector("dialog[open]")) return;
    const command = commands[event.key];
    if (!command) return;
    event.preventDefault();
    command();
  });
}

// Follow a link of the page, if it has it.
export function follow(selector) {
  document.querySelector(selector)?.click();
}

// From one film to the others.
export const WAYS = {
  j: () => follow("a[rel=next]"),
  k: () => follow("a[rel=prev]"),
  u: () => follow("a[rel=up]"),
};
