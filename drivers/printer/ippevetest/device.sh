#!/bin/sh
# What ippeveprinter runs for each document: the device's engine. $1 is the document as it arrived; the job's
# attributes are in IPP_*. The test says what happens in the file "behaviour" (MODE and AFTER).
dir='@DIR@'
MODE=print AFTER=0
. "$dir/behaviour"

pages=$(grep -ao '/Type */Page[^s]' "$1" | wc -l)
total=$((pages * ${IPP_COPIES:-1}))

count() { echo "ATTR: job-impressions-completed=$1" >&2; }
come_out() { # the sheets drop into the output tray
	cp "$1" "$dir/tray/.$IPP_JOB_NAME" && env >"$dir/tray/$IPP_JOB_NAME.env" && mv "$dir/tray/.$IPP_JOB_NAME" "$dir/tray/$IPP_JOB_NAME.pdf"
}
wait_for() { while [ ! -e "$dir/$1" ]; do # meanwhile the printer may say something of itself
	if [ -e "$dir/state" ]; then echo "STATE: $(cat "$dir/state")" >&2; rm "$dir/state"; fi
	sleep 0.02
done; }

[ "$MODE" = silent ] || echo "ATTR: job-impressions=$total" >&2
case $MODE in
print) come_out "$1"; count $total ;;
silent) come_out "$1" ;;
short) come_out "$1"; count $((total - 1)) ;;
leave) come_out "$1"; count $total; echo "STATE: $REASON" >&2 ;; # REASON is +keyword or -keyword, and stays
tell) come_out "$1"; count $total; echo "ATTR: $REASON" >&2 ;; # REASON is name=value of the printer, and stays
over) come_out "$1"; count $((total + 1)) ;;
abort) count "$AFTER"; exit 1 ;;
slow) count "$AFTER"; touch "$dir/engine"; wait_for go; come_out "$1"; count $total ;;
stop) # stops with the state reason in REASON until the job is cancelled, as a jammed engine does
	count "$AFTER"; echo "STATE: +$REASON" >&2; touch "$dir/engine"; wait_for canceled; echo "STATE: -$REASON" >&2 ;;
*) exit 3 ;;
esac
