// Which dialog is open is a part of the state, so Back closes it and a link opens it.

import { settle } from "./status.js";

// Connect a <dialog> with `state.open === name`: `opened()` fills it, `closed()` ends what it does.
export function connectDialog(state, name, dialog, { opened = () => {}, closed = () => {} } = {}) {
  const agree = () => {
    if (state.open === name && !dialog.open) {
      settle();
      opened();
      dialog.showModal();
    } else if (state.open !== name && dialog.open) {
      dialog.close();
    }
  };
  state.addEventListener("change", agree);
  dialog.addEventListener("close", () => {
    closed();
    if (state.open === name) leave(state);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  return agree;
}

// As Back does, if the dialog came by a step of this page; a link that opened it leads nowhere back.
function leave(state) {
  if (history.state?.pushed) history.back();
  else state.set({ open: "" });
}
