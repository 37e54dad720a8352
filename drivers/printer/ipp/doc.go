// Package ipp drives a printer that speaks IPP/2.0 (RFC 8010, RFC 8011; PWG 5100.14) over HTTP or HTTPS.
//
// One document is one job: Get-Printer-Attributes and Get-Jobs (is it ready, and is nobody's job there?),
// Validate-Job, Create-Job, Get-Job-Attributes (is the job ours by name?), then the document is opened, and
// Send-Document carries it with last-document true. From there the job is polled until it has ended.
//
// The printer learns the transaction (as job-name), "honnin" (as requesting-user-name), how to print, and the
// document: no document-name, no title, nothing of the person. Every template attribute is explicit and sent
// with ipp-attribute-fidelity; which ones must be supported is the table in template.go.
//
// # What is believed
//
// A job's word is taken only from the job of that name (and uuid, where the device gives one): a printer that
// was restarted begins its job ids at 1 again. "completed" is never believed alone: the device has to count
// every impression of a document that it acknowledged whole. "failed" means that no paper moved, so it is said
// only where that is known: no byte of the document was handed to the connection; or the job ended without
// ever being processed (time-at-processing is no-value, and we did not see it processing); or the device says
// 0 impressions and is known to count (it named a total for this job, or counted an earlier job to its end). And
// it has to say so twice, [Timing].Settle apart.
// Everything else is unsure. The verdict is [story.judge], a pure function, read from top to bottom:
//
//	what is known                                                | outcome | reason
//	-------------------------------------------------------------|---------|--------------------------
//	not ready, not valid, not created, not identified, not opened | error   | none was sent; the job is cancelled
//	no byte of the document was handed over                      | failed  | "unreachable", …
//	the job has not ended within the deadline, or is lost        | unsure  | "deadline", "job-lost", "unreachable", the trouble
//	aborted or cancelled, and no paper moved                     | failed  | the trouble, "aborted", "canceled"
//	aborted or cancelled otherwise                               | unsure  | the same
//	completed, but trouble was seen, or the upload was cut       | unsure  | the trouble, "upload-cut", "answer-lost", …
//	completed with errors, by its own word                       | unsure  | "completed-with-errors"
//	completed, impressions not counted                           | unsure  | "impressions-unknown"
//	completed, fewer or more impressions than pages × copies     | unsure  | "impressions-short", "impressions-over"
//	completed, exactly pages × copies                            | printed | ""
//
// What printed and failed rest on travels with them: "job-counters" (the device counted), "never-processed" (it says that
// it never began) or "not-sent"; with unsure it is "none".
//
// Trouble during a job (jam, cover, no paper, stopped, deadline, the caller's end) cancels the job, and the job
// is polled until it has ended: nothing may stay in the queue and come out later into other hands. A job that
// could not be brought to its end is remembered; Ready keeps cancelling it and says "jobs-waiting", and Clear says that
// staff's word on the path would come too early: some devices print a cancelled job when paper is loaded.
//
// # After a restart
//
// [Printer.Settle] looks for the job of a former run by its name, which is the transaction and so nobody else's, among
// those that have not ended and those that have. One that has not is cancelled and followed to its end: an orphan of
// Create-Job, which would keep the device busy for minutes, a job that waits for paper, one that prints. Then the same
// verdict is made of the device's word on that very job, with less to go by:
//
//	what is not known                                               | what follows
//	----------------------------------------------------------------|-------------------------------------------
//	that the device acknowledged the whole document (Past.JobID)    | never printed: a cut upload is "completed" too
//	that number, job-uuid and printer-uuid are those of then        | unsure, "job-lost"
//	that the printer did not restart since, by its own clock        | unsure, "printer-restarted"
//	what the job did before it was looked at                        | "never processed" counts only of one seen waiting
//	which of two jobs of that name is meant; or there is none       | unsure, "job-ambiguous", "job-lost"
//	anything, since nobody answers                                  | unsure, "unreachable"; the job is remembered
//
// A start may ask about one job more than once: for a test visit's, and for the call for staff that came of it. It waits for its
// end once; what is left then is "jobs-waiting", and the next wait is staff's.
//
// # What is not believed
//
// A yes to a request that was not written whole, redirects, proxies, answers with another request-id or version, with a repeated attribute, with bytes behind
// the end, or larger than [maxAnswer] are faults, as is a TLS certificate that is neither trusted nor pinned.
// Connections go to the configured address and never to a URI that the device names.
//
// A CUPS queue is not ready ("queue-between"), gets no document, and settles nothing. It may rewrite the PDF, it says
// completed and canceled of jobs that its device still prints, and staff cannot see from it what is in the path: no
// outcome but unsure could ever rest on its word. It is known by any of cups-version, device-uri and printer-type, which
// only a scheduler gives. The site then names the device itself.
package ipp
