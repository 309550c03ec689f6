# SPDX-License-Identifier: MIT
# real_ghostscript.sh: ghostscript renders a generated document to pixels, which must be the same.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
need gs
cat > "$work/page.ps" << 'END'
%!PS
/box { newpath moveto 40 0 rlineto 0 40 rlineto -40 0 rlineto closepath } def
1 1 4 { /page exch def
  /Times-Roman findfont 14 scalefont setfont
  0 1 40 { /i exch def
    i 13 mul 17 mod 17 div i 7 mod 7 div page 4 div setrgbcolor
    i 60 mul 540 mod i 25 mul 700 mod box fill
    20 i 18 mul moveto (line ) show i 10 string cvs show ( of page ) show page 10 string cvs show
  } for
  0 5 355 { gsave 300 400 translate rotate 0 0 moveto 200 0 lineto stroke grestore } for
  /table 500 dict def
  0 1 2000 { dup 20 string cvs exch table 3 1 roll exch cvn exch put } for
  0 1 300 { /k exch def k array pop k string pop } for
  showpage } for
END
options=(-q -dNOPAUSE -dBATCH -dSAFER)
both ghostscript gs "${options[@]}" -sDEVICE=ppmraw -r100 -sOutputFile=page%d.ppm "$work/page.ps"
both text gs "${options[@]}" -sDEVICE=txtwrite -sOutputFile=- "$work/page.ps"
for page in 1 2 3 4; do
  cmp "$work/ghostscript.system/page$page.ppm" "$work/ghostscript.rimalloc/page$page.ppm" ||
    fail "ghostscript: page $page differs"
done
