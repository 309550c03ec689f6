# SPDX-License-Identifier: MIT
# real_php.sh: PHP opens its extensions with RTLD_DEEPBIND; those here are in C and in C++ and hand
# blocks back and forth between them, the interpreter and libraries.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
need php
# A shell's $ is not meant.
# shellcheck disable=SC2016
printf '%s\n' '<?php' \
  '$d = new DOMDocument(); $d->loadXML("<a>" . str_repeat("<b c=\"1\">x</b>", 20000) . "</a>");' \
  'echo $d->getElementsByTagName("b")->length, "\n";' \
  'echo simplexml_load_string("<r><q>1</q></r>")->q, mb_strtoupper("straße"), "\n";' \
  'echo (new NumberFormatter("de_DE", NumberFormatter::CURRENCY))->format(1234567.891), "\n";' \
  'echo Normalizer::normalize("e\u{301}"), transliterator_transliterate("Any-Latin", "Αθήνα");' \
  '$c = curl_init("file:///proc/version"); curl_setopt($c, CURLOPT_RETURNTRANSFER, 1);' \
  'echo strlen(curl_exec($c)) > 0 ? "curl\n" : "no curl\n";' \
  'for ($i = 0; $i < 100000; $i++) $a[] = str_repeat("z", $i % 500);' \
  'sort($a); echo md5(implode($a)), json_encode(["k" => [1, 2, 3]]), "\n";' > "$work/script.php"
php -m > "$work/modules"
for extension in curl dom intl mbstring SimpleXML; do
  grep -qx "$extension" "$work/modules" || skip "php has no $extension"
done
both php php "$work/script.php"
