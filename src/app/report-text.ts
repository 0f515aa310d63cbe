/** The text of a report, for whoever shows one: the command line has no other way to the record. */
export { renderReport } from "../record/report-text.ts";
