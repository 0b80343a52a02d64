// Whoever has withdrawn leaves nothing behind in this browser either: votes that never arrived are forgotten.

import { Kept } from "./kept.js";

const { address, whose } = document.querySelector("[data-address]").dataset;
new Kept(address, whose).clear();
