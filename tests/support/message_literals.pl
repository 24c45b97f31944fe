#!/usr/bin/env perl
# Prints the texts in the program's sources that a user may read: perl message_literals.pl FILE... prints each part of a
# message on one line, as the source has it between its quotes (adjacent literals are joined). A part without two words is
# left out: it is a name, a form or punctuation. A raw literal is left out, too: it is a help text or Lua.
use strict;
use warnings;

my %seen;
for my $path (@ARGV) {
  open my $in, '<', $path or die "$path: $!";
  my $source = do { local $/; <$in> };
  my $is_lua = $path =~ /\.lua$/;
  my @literals;
  my $last_end = -1;
  my $token = $is_lua
    ? qr/(?<comment>--[^\n]*)|'(?<text>(?:[^'\\\n]|\\.)*)'/
    : qr{(?<comment>//[^\n]*|\#[^\n]*)|R"\((?<raw>.*?)\)"|"(?<text>(?:[^"\\\n]|\\.)*)"|'(?:[^'\\]|\\.)'}s;
  while ($source =~ /$token/g) {
    next unless defined $+{text};
    my ($text, $start, $end) = ($+{text}, $-[0], $+[0]);
    if (@literals && !$is_lua && substr($source, $last_end, $start - $last_end) =~ /^\s*$/) {
      $literals[-1] .= $text;
    } else {
      push @literals, $text;
    }
    $last_end = $end;
  }
  for my $text (@literals) {
    $text =~ s/\\(["\\'])/$1/g;
    next unless $text =~ /[A-Za-z][a-z]+[,:;]? [a-z]{2}/;
    $seen{$text}++ or print "$text\n";
  }
}
