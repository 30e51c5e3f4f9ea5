# Completion for sluice. Commands and options come from its own --help, names from the project's files.
_sluice() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} project=. i
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -C ]] && project=${COMP_WORDS[i+1]:-.}
    done
    if [[ $before == -C ]]; then
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
    elif ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$(sluice --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')" -- "$word")
    elif [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(sluice "${COMP_WORDS[1]}" --help 2>/dev/null | grep -oE -- '--[a-z-]+')" -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "$(cd "$project/integrations" 2>/dev/null &&
            ls | sed -n '/\.\(source\|target\)\.json$/d; s/\.json$//p')" -- "$word")
    fi
}
complete -F _sluice sluice
