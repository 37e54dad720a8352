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
// Trouble during a job (jam, cover, no paper, stopped, deadline, the caller's end) cancels the job, and the job
// is polled until it has ended: nothing may stay in the queue and come out later into other hands. A job that
// could not be brought to its end is remembered; Ready keeps cancelling it and says "jobs-waiting".
//
// # What is not believed
//
// Redirects, proxies, answers with another request-id or version, with a repeated attribute, with bytes behind
// the end, or larger than [maxAnswer] are faults, as is a TLS certificate that is neither trusted nor pinned.
// Connections go to the configured address and never to a URI that the device names. A CUPS queue (it names its
// cups-version) is not ready: it rewrites the PDF, and says completed before the device prints.
package ipp
