#!/usr/bin/env bash
# What the action runs, and every other CI can: gate a candidate, leave the verdicts as files, and end with the gate's exit code.
#
#   BASELINE, CANDIDATE   run folders; the baseline may be history:FILE
#   RULES                 TOML file of rules; empty: the default ones
#   BRANCH                where the baseline of a history must have passed; empty: main
#   GROUPS_FILE           CSV of image,group: images of one group, such as a video, are drawn together; empty: every image by itself
#   OUTPUT                folder of gate.json, gate.xml (JUnit) and gate.md; default: gate
#   ALLOW_INCONCLUSIVE    true: end with 0 where it cannot be told; false (default): end with 3
#   DETBENCH              the command, a program or a few words without spaces in them; default: detbench
set -uo pipefail

end() { # OUTCOME CODE
  if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "outcome=$1" >>"$GITHUB_OUTPUT"; fi
  exit "$2"
}

mistake() { # SENTENCE
  echo "gate.sh: $1" >&2
  end error 2
}

if [ -z "${BASELINE:-}" ] || [ -z "${CANDIDATE:-}" ]; then mistake "set BASELINE and CANDIDATE to run folders"; fi
case $(printf %s "${ALLOW_INCONCLUSIVE:-false}" | tr '[:upper:]' '[:lower:]') in
  true | yes | on | 1) tolerant=true ;;
  false | no | off | 0) tolerant=false ;;
  *) mistake "ALLOW_INCONCLUSIVE is true or false" ;;
esac
detbench=("${DETBENCH:-detbench}")
if ! command -v -- "${detbench[0]}" >/dev/null; then read -ra detbench <<<"${detbench[0]}"; fi
output=${OUTPUT:-gate}
mkdir -p -- "$output" || mistake "OUTPUT cannot be made a folder"
rm -f -- "$output/gate.json" "$output/gate.xml" "$output/gate.md" || mistake "what an earlier gate left in OUTPUT cannot be removed"

options=(--json="$output/gate.json" --junit="$output/gate.xml" --markdown="$output/gate.md")
if [ -n "${RULES:-}" ]; then options+=(--rules="$RULES"); fi
if [ -n "${BRANCH:-}" ]; then options+=(--branch="$BRANCH"); fi
if [ -n "${GROUPS_FILE:-}" ]; then options+=(--groups="$GROUPS_FILE"); fi
"${detbench[@]}" gate "${options[@]}" -- "$BASELINE" "$CANDIDATE"
code=$?

case $code in
  0 | 1 | 3) [ -s "$output/gate.json" ] || mistake "the gate ended with $code and left no verdicts" ;;
esac
case $code in
  0) end passed 0 ;;
  1) end failed 1 ;;
  3) if $tolerant; then end inconclusive 0; else end inconclusive 3; fi ;;
  *) end error "$code" ;;
esac
