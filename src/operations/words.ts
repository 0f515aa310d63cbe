/** For whoever reads words of people at the edge and cannot import the playbook language itself. */
export { nearestWord } from "../playbook/nearest-word.ts";
