# bash completion for condolock
#
# Commands and options are those that --help prints, so they are always the ones of the program at hand.

# _condolock_help [COMMAND]: a line for each option, as help has them. What every command takes stands in the program's own.
_condolock_help() {
  [[ -z $1 ]] || "$_condolock_program" "$1" --help 2>/dev/null | sed -n '/^Every command/q; /^  -/p'
  "$_condolock_program" --help 2>/dev/null | sed -n '/^Every command/,/^$/ { /^  -/p }' | sed "${1:+/--version/d}"
}

# _condolock_options [COMMAND]: the options, each in a line.
_condolock_options() { _condolock_help "$1" | sed -E 's/^  ((-[a-zA-Z]), )?(--[a-z-]+).*/\2 \3/; t; s/^  (-[a-zA-Z]) .*/\1/' | tr -s ' ' '\n'; }

# _condolock_takes_value OPTION [COMMAND]
_condolock_takes_value() { [[ $1 == -* ]] && _condolock_help "$2" | grep -qE -- "(^  |, )$1 [^ ]"; }

_condolock_commands() { "$_condolock_program" --help 2>/dev/null | sed -n '/^Commands:/,/^$/ s/^  \([a-z]*\) .*/\1/p'; }

# _condolock_add_keys WORD [SUFFIX]: the keys that begin like WORD. Redis gets 0.3 s, and silence is an answer.
_condolock_add_keys() {
  local key word=$1 cut=
  # Bash replaces only what stands behind the last : or =.
  [[ $word != *[:=]* ]] || cut=${word%"${word##*[:=]}"}
  while IFS= read -r key; do
    # One with a backslash is shown, not written, in this form.
    [[ $key == "$word"* && $key != *\\* ]] || continue
    printf -v key '%q' "$key$2"
    COMPREPLY+=("${key#"$cut"}")
  done < <(timeout 0.3 "$_condolock_program" "${_condolock_globals[@]}" list --plain 2>/dev/null)
  [[ -z $2 ]] || compopt -o nospace 2>/dev/null
}

_condolock_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_condolock() {
  local _condolock_program=${1/#\~\//$HOME/} current=${COMP_WORDS[COMP_CWORD]} i word option='' command=''
  local -a _condolock_globals=() words=()
  # Bash splits at = and :, so the words are put together again: as they stand in the line.
  local line=${COMP_LINE:0:COMP_POINT}
  read -ra words <<<"$line"
  [[ $line != *[[:space:]] ]] || words+=('')
  local last=$((${#words[@]} - 1))

  for ((i = 1; i < last; i++)); do
    word=${words[i]}
    if [[ $word == -- && $command == run ]]; then
      # Behind the -- stands a command line of its own.
      if declare -F _command_offset >/dev/null; then
        local offset
        for ((offset = 1; offset < COMP_CWORD; offset++)); do [[ ${COMP_WORDS[offset]} != -- ]] || break; done
        _command_offset $((offset + 1))
      else
        mapfile -t COMPREPLY < <(compgen -c -f -- "$current")
      fi
      return
    fi
    case $word in
      -u | --url | --user | --password-file | --redis-timeout | --namespace | --config)
        ((i + 1 < last)) || break
        _condolock_globals+=("$word" "${words[++i]}")
        ;;
      --url=* | --user=* | --password-file=* | --redis-timeout=* | --namespace=* | --config=*) _condolock_globals+=("$word") ;;
      --color) ((i++)) ;;
      -*) ;;
      *) [[ -n $command ]] || command=$word ;;
    esac
  done

  word=${words[last]}
  if [[ $word == --*=* ]]; then
    option=${word%%=*} word=${word#*=}
    [[ $current != = ]] || current=
  elif ((last > 1)); then
    option=${words[last - 1]}
  fi
  case $option in
    --key | --after | --not-running) _condolock_add_keys "$word" ;;
    --accessed-prior) _condolock_add_keys "$word" : ;;
    --password-file | --config) _condolock_files "$current" ;;
    --color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$current") ;;
    -w | --wait) mapfile -t COMPREPLY < <(compgen -W 'forever' -- "$current") ;;
    --on-unreachable) mapfile -t COMPREPLY < <(compgen -W 'fail run skip' -- "$current") ;;
    --min-time-from) mapfile -t COMPREPLY < <(compgen -W 'start end' -- "$current") ;;
    *)
      if _condolock_takes_value "$option" "$command"; then
        return
      elif [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_condolock_options "$command")" -- "$current")
      elif [[ -z $command ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_condolock_commands)" -- "$current")
      elif [[ $command != doctor ]]; then
        _condolock_add_keys "$word"
      fi
      ;;
  esac
}

complete -F _condolock condolock
