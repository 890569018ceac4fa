# Several trainings at once, for the recipes beside this file: JOBS of them, by default one.
at_once=${JOBS:-1}
start() {
    while (($(jobs -rp | wc -l) >= at_once)); do wait -n; done
    "$@" &
}
finish() { for job in $(jobs -p); do wait "$job"; done; }
