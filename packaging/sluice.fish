# Completion for sluice. Commands and options come from its own --help, names from the project's files.
function __sluice_commands
    sluice --help 2>/dev/null | string replace -rf '^  ([a-z]+) +(.*)' '$1\t$2'
end

function __sluice_options
    sluice (commandline -opc)[2] --help 2>/dev/null | string match -ra -- '--[a-z-]+'
end

function __sluice_names
    set -l words (commandline -opc)
    set -l project .
    if set -l at (contains -i -- -C $words)
        set project $words[(math $at + 1)]
    end
    for file in $project/integrations/*.json
        string match -qr '\.(source|target)\.json$' -- $file; or path basename -E $file
    end
end

complete -c sluice -f
complete -c sluice -n __fish_use_subcommand -a '(__sluice_commands)'
complete -c sluice -n 'not __fish_use_subcommand' -a '(__sluice_names) (__sluice_options)'
complete -c sluice -s C -r -a '(__fish_complete_directories)'
