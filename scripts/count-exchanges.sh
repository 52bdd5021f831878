#!/usr/bin/env bash
# Counts the exchanges of a full read of a personalised card, from the log of pcscd: `cardwright
# inspect` and what `cardwright validate` reads before it judges, beside `pkcs11-tool -O` followed by the read of a certificate.
# The card is the simulated one in the virtual reader. Everything started here is ended here.
#
#   scripts/count-exchanges.sh [MODEL]     MODEL is series10 (the default), series9 or a file
#
# Ends with 1 when `inspect` or `validate` needs more than half of what pkcs11-tool needs.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/packages.sh

model=${1:-series10}
need_packages pcscd vsmartcard-vpcd opensc opensc-pkcs11
need_rust
cargo build --locked --quiet -p cardwright-cli -p firmware-sim
bin=${CARGO_TARGET_DIR:-target}/debug

# The service and its virtual reader are shared with the hil-tests; so is the lock.
exec 9>"${TMPDIR:-/tmp}/cardwright-hil-tests.lock"
flock 9
if pgrep -x pcscd >/dev/null; then
    echo "a smart card service runs already; its log is needed, so end it first" >&2
    exit 3
fi

work=$(mktemp -d)
started=()
cleanup() {
    for pid in "${started[@]}"; do
        # One that has ended by itself is no failure of the clean-up.
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT

pcscd --foreground --debug --apdu >"$work/pcscd.log" 2>&1 9>&- &
started+=($!)
"$bin/firmware-sim" card --model "$model" --number 1 >"$work/card.log" 2>&1 9>&- &
started+=($!)
for _ in $(seq 200); do
    opensc-tool --atr >/dev/null 2>&1 && break
    sleep 0.1
done
opensc-tool --atr >/dev/null || { cat "$work/card.log" >&2; exit 3; }

# Commands and responses are lines of their own; only commands are counted.
# grep ends with 1 where it counts none.
exchanges() { grep -c 'APDU: ' "$work/pcscd.log" || true; }

# count NAME COMMAND...: the exchanges the commands cause. Findings (1) are a result, not a failure.
count() {
    local before after status=0
    before=$(exchanges)
    eval "$2" >"$work/out" 2>&1 || status=$?
    if [ "$status" -gt 1 ]; then
        cat "$work/out" >&2
        exit 3
    fi
    sleep 0.2 # the log is written behind the exchange
    after=$(exchanges)
    printf '%-52s %5d exchanges\n' "$1" $((after - before)) >&2
    echo $((after - before))
}

reader="pcsc:Virtual PCD 00 00"
echo "$model, personalised, over PC/SC" >&2
theirs=$(count "pkcs11-tool -O, then a certificate" \
    'pkcs11-tool --list-objects && pkcs11-tool --read-object --type cert --id 01 --output-file "$work/cert"')
bad=0
# One assertion about data: the card is read whole, and no command is sent to prove anything.
for name in inspect "validate --only object.wrapper"; do
    ours=$(count "cardwright $name" '"$bin/cardwright" '"$name"' --reader "$reader"')
    awk -v name="$name" -v ours="$ours" -v theirs="$theirs" 'BEGIN {
        printf "%s: %d of %d, ratio %.2f (at most 0.50)\n", name, ours, theirs, ours / theirs
        exit ours / theirs > 0.5
    }' || bad=1
done
exit "$bad"
