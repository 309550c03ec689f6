#compdef rimalloc
# SPDX-License-Identifier: MIT
# Completion of the command rimalloc in zsh.
local -a commands
commands=(
  'run:run a program with the library; statistics at its end'
  'profile:run a program with the profiler, then show its profile'
  'stat:what the memory of a process is, in numbers'
  'heap-map:a picture of the memory of a process'
  'report:what a profile says'
  'diff:what changed between two profiles'
  'leaks:what of a profile stays and grows'
  'attach:turn the profiler on in a process that runs'
  'dump:the profile of a process that runs, as it is now'
  'record:run a program and write down its calls of malloc and the like'
  'replay:make the calls of a trace again, with this and other allocators'
)
if (( CURRENT == 2 )); then
  _describe command commands
  return
fi
case $words[2] in
  run)
    _arguments -s '1:command:' \
      '(-q --quiet)'{-q,--quiet}'[without statistics]' \
      '*'{-o,--option}'[an option of the library]:NAME=VALUE:' \
      '--library[librimalloc.so]:file:_files' \
      '2:program:_command_names -e' '*::arguments:_normal'
    ;;
  profile)
    _arguments -s '1:command:' '(-i --interval)'{-i,--interval}'[a sample in so many bytes]:bytes:' \
      '--html[one file for a browser]:file:_files' '--save[keep the profile]:file:_files' \
      '--black-box[also if the program is killed]' '*'{-o,--option}'[an option]:NAME=VALUE:' \
      '--library[librimalloc.so]:file:_files' '2:program:_command_names -e' '*::arguments:_normal'
    ;;
  stat)
    _arguments -s '1:command:' \
      '(-w --watch)'{-w,--watch}'[again and again]:seconds:' \
      '(--openmetrics)--json[for other programs]' '(--json)--openmetrics[for Prometheus]' \
      '2:process or core file:_alternative "pids:process:_pids" "files:core file:_files"'
    ;;
  heap-map)
    _arguments -s '1:command:' \
      '(--json)--svg[write a picture]:file:_files' '(--svg)--json[for other programs]' \
      '2:process or core file:_alternative "pids:process:_pids" "files:core file:_files"'
    ;;
  report | diff)
    _arguments -s '1:command:' '(-k --kind)'{-k,--kind}'[which figures]:kind:(live allocated peak temporary)' \
      '(-n --limit)'{-n,--limit}'[so many places]:number:' '--html[one file for a browser]:file:_files' \
      '--collapsed[for flamegraph.pl]' '--speedscope[for speedscope]' \
      '--pprof[for pprof, with names]:file:_files' '*:profile:_files'
    ;;
  leaks)
    _arguments -s '1:command:' '--fail[exit code 1 if there is a suspect]' \
      '(-n --limit)'{-n,--limit}'[so many places]:number:' '2:profile:_files'
    ;;
  attach)
    _arguments -s '1:command:' '(--off)'{-i,--interval}'[a sample in so many bytes]:bytes:' \
      '(-i --interval)--off[turn it off]' '2:process:_pids'
    ;;
  dump)
    _arguments -s '1:command:' '--save[keep it]:file:_files' \
      '--html[one file for a browser]:file:_files' '--library[librimalloc.so]:file:_files' \
      '(-k --kind)'{-k,--kind}'[which figures]:kind:(live allocated peak temporary)' \
      '(-n --limit)'{-n,--limit}'[so many places]:number:' '2:process:_pids'
    ;;
  record)
    _arguments -s '1:command:' '--save[the trace]:file:_files' \
      '(-f --follow-fork)'{-f,--follow-fork}'[also of each process that it starts]' \
      '2:program:_command_names -e' '*::arguments:_normal'
    ;;
  replay)
    _arguments -s '1:command:' '*--with[another allocator]:library:_files' \
      '(-r --rounds)'{-r,--rounds}'[so often with each]:number:' '--json[for other programs]' \
      '--touch[what is written into blocks]:how:(none pages all)' \
      '--library[librimalloc.so]:file:_files' '2:trace:_files'
    ;;
esac
