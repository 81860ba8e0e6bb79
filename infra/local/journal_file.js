"use strict";
/**
 * An append-only file of lines. A line is in it as a whole, or `append` throws.
 *
 * Lines are handed to the operating system before `append` returns, so a killed process loses none
 * (a power cut may: there is no fsync per line).
 */
const fs = require("fs");

class JournalFile {
  /** Opens or makes the file. Half a line that a kill left at its end is cut off. */
  constructor(file, write = fs.writeSync) {
    this._write = write;
    this._descriptor = fs.openSync(file, "a+");
    this._length = fs.readFileSync(file).lastIndexOf("\n") + 1; // bytes that are whole lines
    this._torn = true;
    this._cut();
  }

  /**
   * Adds a line. A disk that is full takes a part of it: the part goes again, now or, where even
   * that fails, before the next line; the error says why.
   */
  append(line) {
    this._cut();
    const bytes = Buffer.from(`${line}\n`);
    this._torn = true;
    try {
      this._all(bytes);
    } catch (error) {
      try {
        this._cut();
      } catch {
        // The next line tries again; a reader passes over the part, which has no newline.
      }
      throw error;
    }
    this._length += bytes.length;
    this._torn = false;
  }

  /** Closes the file once the disk has it. */
  close() {
    fs.fsyncSync(this._descriptor);
    fs.closeSync(this._descriptor);
  }

  _all(bytes) {
    for (let done = 0; done < bytes.length; ) {
      const taken = this._write(this._descriptor, bytes, done, bytes.length - done);
      if (!taken) throw new Error("the disk takes no more");
      done += taken;
    }
  }

  _cut() {
    if (this._torn) fs.ftruncateSync(this._descriptor, this._length);
    this._torn = false;
  }
}

/** The whole lines of a file, none where there is no file; what follows the last newline is torn. */
function readLines(file) {
  if (!fs.existsSync(file)) return [];
  const lines = fs.readFileSync(file, "utf8").split("\n");
  lines.pop(); // empty after a whole file, a torn line after a kill
  return lines;
}

module.exports = { JournalFile, readLines };
