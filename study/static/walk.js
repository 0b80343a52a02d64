// The way through the trials. The page runs ahead of the server by the trials that it knows, so that the next pair is
// painted while a vote travels; where the server then says otherwise, it is right, and the page is loaded again.

export class Walk {
  /** `news` is called whenever the server has said something. */
  constructor(door, news) {
    this.door = door;
    this.news = news;
    this.line = []; // trials, in order, from the first one whose vote the server has not acknowledged
    this.pressed = 0; // how many of them have been answered here
    this.waiting = [];
    this.answer = null; // what the server said last
  }

  /** Asks the server where the participant stands. */
  async begin() {
    this.#take(await this.door.open());
  }

  /** The trial to show; null where the page knows of none. */
  get trial() {
    return this.line[this.pressed] ?? null;
  }

  /** Every trial whose images are wanted now or soon. */
  get ahead() {
    return this.line.slice(this.pressed);
  }

  /** The server's progress, and what has been pressed since. */
  get progress() {
    const { done, of, seconds_left: seconds } = this.answer.progress;
    const since = this.line.slice(0, this.pressed).filter((trial) => !trial.practice && !trial.correcting).length;
    const left = of - done;
    return { done: done + since, of, seconds_left: left > 0 ? (seconds * (left - since)) / left : 0 };
  }

  /** Whether the last answer may be changed. */
  get undo() {
    return Boolean(this.answer?.undo) && !this.trial?.correcting;
  }

  /**
   * Casts the vote of `trial`. Resolves as soon as it is known what comes next: at once where that is a known trial, and
   * with the server's answer after practice, before a break and at the end. Answers the feedback of a practice trial.
   */
  async cast(vote) {
    const { practice } = this.trial;
    if (practice) this.line.length = this.pressed + 1; // what follows practice, the server says
    this.pressed += 1;
    const answered = this.door.vote(vote).then((answer) => this.#agree(answer));
    if (practice) return (await answered).feedback;
    while (this.trial === null && this.pressed > 0) await new Promise((resolve) => this.waiting.push(resolve));
    return undefined;
  }

  /** Goes back to the last answer, whose trial is then the one to show; false where it cannot be changed any more. */
  async back() {
    const answer = await this.door.last();
    if (answer === null) return false;
    this.aside = this.line;
    this.#take(answer);
    return true;
  }

  /** Leaves the last answer as it was, for the trial that was open before. */
  forth() {
    const { next } = this.answer;
    this.line = this.aside[0]?.id === next?.id ? this.aside : [next];
  }

  /** Holds the server's answer to the first vote of the line against what the page has shown since. */
  #agree(answer) {
    const [, ...rest] = this.line;
    if (rest.length > 0 && answer.trial?.id !== rest[0].id) return this.door.leave();
    this.pressed -= 1;
    this.#take(answer, rest.slice(2));
    return answer;
  }

  #take(answer, rest = []) {
    this.answer = answer;
    this.line = [answer.trial, answer.next, ...rest].filter(Boolean);
    this.news();
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
