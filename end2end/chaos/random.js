// Chance that can be repeated: the same seed gives the same decisions.

export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
    // Seeds that follow each other must not begin alike.
    for (let turn = 0; turn < 8; turn++) this.fraction();
  }

  /** At least 0, less than 1 (mulberry32). */
  fraction() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(least, most) {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  pick(values) {
    return values[this.between(0, values.length - 1)];
  }

  chance(probability) {
    return this.fraction() < probability;
  }
}
