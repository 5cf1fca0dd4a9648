# shellcheck shell=bash
# ledger.sh: how script/prove and script/bench write down what they measured. Sourced after lib.sh.

# ledger NAME PARAMETERS COUNT RESULT: one write, so that parallel proofs do not mix.
ledger() {
    local commit line
    commit=$(git rev-parse --short=12 HEAD)
    git diff --quiet HEAD -- src test meson.build || commit=$commit+
    printf -v line '%s\t%s\t%s\t%s\t%s\t%s' "$(date -u +%FT%TZ)" "$commit" "$@"
    line=${line%"${line##*[![:space:]]}"} # no blanks at the end
    mkdir -p docs
    [ -s docs/ledger.tsv ] ||
        printf 'date\tcommit\tname\tparameters\tcount\tresult\n' >docs/ledger.tsv
    printf '%s\n' "$line" | tee -a docs/ledger.tsv
}
