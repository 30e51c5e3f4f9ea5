#compdef sluice
# Commands and options come from sluice's own --help, names from the project's files.
local project=. i
for ((i = 2; i < CURRENT; i++)); do
    [[ $words[i] == -C ]] && project=${words[i+1]:-.}
done
if [[ $words[CURRENT-1] == -C ]]; then
    _files -/
elif ((CURRENT == 2)); then
    compadd -- ${(f)"$(sluice --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p')"}
elif [[ $words[CURRENT] == -* ]]; then
    compadd -- ${(f)"$(sluice $words[2] --help 2>/dev/null | grep -oE -- '--[a-z-]+')"}
else
    compadd -- ${${${(f)"$(ls $project/integrations 2>/dev/null)"}:#*.(source|target).json}%.json}
fi
