# SPDX-License-Identifier: MIT
# real_perl.sh: perl with strings, hashes, arrays, regular expressions, sorting, closures, forks.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
need perl
cat > "$work/script.pl" << 'END'
use strict;
use warnings;
use List::Util qw(sum reduce);
my (%count, @lines, $seed);
$seed = 1;
sub rnd { $seed = ($seed * 1103515245 + 12345) % 2147483648; return $seed % $_[0]; }
for my $i (1 .. 60000) {
  my $line = join ' ', map { chr(97 + rnd(26)) x (1 + rnd(12)) } 1 .. 1 + rnd(8);
  push @lines, $line;
  $count{$_}++ for split / /, $line;
}
my @top = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print "$_ $count{$_}\n" for @top[0 .. 99];
my $text = join "\n", @lines;
my $n = () = $text =~ /([a-m]+) ([n-z]+)/g;
print "$n pairs\n";
(my $copy = $text) =~ s/([aeiou])\1+/<$1>/g;
print length($copy), "\n";
my @closures = map { my $k = $_; sub { return $k * $_[0] } } 1 .. 5000;
print sum(map { $_->(3) } @closures), "\n";
my %nested;
$nested{$_ % 10}{$_ % 100}{$_} = [1 .. $_ % 20] for 1 .. 40000;
print join(',', map { scalar keys %{ $nested{$_}{$_} } } 0 .. 9), "\n";
delete $nested{$_} for 0 .. 4;
for my $child (1 .. 5) {
  my $pid = fork // die "fork: $!";
  if ($pid == 0) { my @x = map { "$_" x 10 } 1 .. 20000; exit(@x == 20000 ? 0 : 1); }
  waitpid $pid, 0;
  print "child $child: $?\n";
}
END
both perl perl "$work/script.pl"
