const say = {
  none: "Nothing matches.", count: (n, all) => `${n} of ${all}`, back: "Previous", next: "Next", save: "Download",
  open: "Open in a new tab", close: "Close", cancel: "Cancel", empty: "This file is empty.", failed: why => `Cannot be shown: ${why}`,
  unplayable: "The browser cannot show this file; download it.", part: (a, b) => `The first ${a} of ${b}.`,
  viewer: "File", choose: name => `Choose ${name}`, chooseAll: "Choose all", chosen: "With what is chosen",
  picked: n => `${n} chosen`, help: "Keys", space: "Space", gone: "The server does not answer.",
  keys: {
    filter: "filter", walk: "go through the names", open: "open", up: "folder above", choose: "choose", all: "choose all",
    none: "Choose none", turn: "previous, next file",
  },
  status: {
    400: "The server does not take this name.", 401: "Log in again: load the page anew.", 403: "This is not allowed.",
    404: "It is not there, or its name is hidden.", 405: "This is not allowed.", 409: "The name is taken.",
    412: "The name is taken.", 413: "Larger than this server takes.", 507: "The disk of the server is full.",
    500: "The server could not do it.",
  },
};
