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
  up: {
    files: "Upload files", folder: "Upload folder", into: name => `Drop to upload into “${name}”`, uploads: "Uploads",
    all: "All uploads", saved: name => `${name} is uploaded`, count: (n, all) => `${n} of ${all} uploaded`,
    of: (a, b) => `${a} of ${b}`, s: n => `${n} s left`, min: n => `${n} min left`, h: (h, m) => `${h} h ${m} min left`,
    taken: "This name is taken.", folderThere: "A folder has this name.", unreadable: "It cannot be read: choose or drop it again.",
    rename: "Keep both", replace: "Replace", skip: "Skip", forAll: "for all", choose: "Choose the file",
    other: "This is another file, or it has changed since.", cancel: "Cancel", retry: "Try again", resume: "Resume",
    pause: "Pause", now: "Now", again: n => `no answer, again in ${n} s`, paused: "paused",
    lost: "choose or drop the same file to go on", waiting: "waiting", done: "uploaded", pauseAll: "Pause all",
    resumeAll: "Resume all", cancelAll: "Cancel all",
  },
  change: {
    make: "New folder", makeIt: "Make", folderName: "Name of the folder", rename: "Rename", renameIt: "Rename",
    newName: "New name", move: n => `Move ${n} entries`, moveIt: "Move", to: "To the folder", noName: "This is no name.",
    remove: n => (n > 1 ? `Delete ${n} entries?` : "Delete this?"), removeIt: "Delete", more: n => `and ${n} more`,
    withAll: "Folders go with all that is in them. There is no way back.", forGood: "There is no way back.",
  },
};
