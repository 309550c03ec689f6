# SPDX-License-Identifier: MIT
# Completion of the command rimalloc in bash.
_rimalloc() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local command=${COMP_WORDS[1]-} pids
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W 'run profile stat heap-map report diff leaks
      attach dump record replay --help' -- "$word")
    return
  fi
  case $before in
    --library | --svg | --html | --save | --with)
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    -k | --kind)
      mapfile -t COMPREPLY < <(compgen -W 'live allocated peak temporary' -- "$word")
      return
      ;;
    --touch)
      mapfile -t COMPREPLY < <(compgen -W 'none pages all' -- "$word")
      return
      ;;
  esac
  case $command in
    run)
      case $word in
        -*) mapfile -t COMPREPLY < <(compgen -W '--quiet --option --library --help' -- "$word") ;;
        *) mapfile -t COMPREPLY < <(compgen -c -f -- "$word") ;;
      esac
      ;;
    profile)
      case $word in
        -*)
          mapfile -t COMPREPLY < <(compgen -W '--interval --html --save --black-box --option
            --library --help' -- "$word")
          ;;
        *) mapfile -t COMPREPLY < <(compgen -c -f -- "$word") ;;
      esac
      ;;
    attach | dump)
      case $word in
        -*)
          local options='--interval --off --help'
          if [ "$command" = dump ]; then options='--save --html --kind --limit --library --help'; fi
          mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
          ;;
        *)
          pids=$(ps -u "$(id -u)" -o pid= 2>/dev/null)
          mapfile -t COMPREPLY < <(compgen -W "$pids" -- "$word")
          ;;
      esac
      ;;
    record)
      case $word in
        -*) mapfile -t COMPREPLY < <(compgen -W '--save --follow-fork --help' -- "$word") ;;
        *) mapfile -t COMPREPLY < <(compgen -c -f -- "$word") ;;
      esac
      ;;
    replay)
      case $word in
        -*)
          mapfile -t COMPREPLY < <(compgen -W '--with --rounds --touch --json --library --help' \
            -- "$word")
          ;;
        *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
      esac
      ;;
    stat | heap-map)
      case $word in
        -*)
          local options='--json --help'
          if [ "$command" = stat ]; then
            options="$options --watch --openmetrics"
          else
            options="$options --svg"
          fi
          mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
          ;;
        *)
          pids=$(ps -u "$(id -u)" -o pid= 2>/dev/null)
          mapfile -t COMPREPLY < <(compgen -W "$pids" -f -- "$word")
          ;;
      esac
      ;;
    report | diff | leaks)
      case $word in
        -*)
          local options='--limit --help'
          case $command in
            report) options="$options --html --collapsed --speedscope --pprof --kind" ;;
            diff) options="$options --html --kind" ;;
            *) options="$options --fail" ;;
          esac
          mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
          ;;
        *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
      esac
      ;;
  esac
}
complete -o filenames -F _rimalloc rimalloc
