# SPDX-License-Identifier: MIT
# Perl at work: hashes, arrays of arrays, strings, regular expressions, sorting.
use strict;
use warnings;

my $seed = 1;
sub random { $seed = ($seed * 1103515245 + 12345) % 2147483648; return $seed % $_[0]; }

my (%index, @rows);
for my $i (1 .. 120000) {
  my $row = { id => $i, name => "row " . random(50000), list => [map { random(100) } 1 .. 5] };
  push @rows, $row;
  push @{ $index{ $row->{name} } }, $row;
}
my $text = join "\n", map { "$_->{name};" . join(",", @{ $_->{list} }) } @rows;
my %count;
$count{$1}++ while $text =~ /(\w+)/g;
my @sorted = sort { $a->{name} cmp $b->{name} || $a->{id} <=> $b->{id} } @rows;
my $long = "";
for my $row (@sorted) { $long .= uc(substr $row->{name}, 0, 8); $long =~ s/^.{64}// if length $long > 4096; }
print join(" ", scalar keys %index, scalar keys %count, $sorted[0]{id}, $sorted[-1]{id}, length $long), "\n";
