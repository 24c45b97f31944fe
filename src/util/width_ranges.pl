#!/usr/bin/env perl
# Writes width_ranges.hpp: perl width_ranges.pl >width_ranges.hpp. It takes the widths from perl's own copy of the Unicode
# Character Database, so a newer perl gives a newer table. Code points without a character belong to the ranges around them,
# which makes the tables a third as long.
use strict;
use warnings;
use Unicode::UCD;

# Wide and fullwidth characters (UAX #11).
sub is_wide { $_[0] =~ /\p{East_Asian_Width=Wide}|\p{East_Asian_Width=Fullwidth}/ }

# Marks that join the character before them, and characters that are not shown. Also the vowels and final consonants of
# Hangul, which join the consonant before them. The signs of \p{PCM} and the soft hyphen are shown.
sub is_zero { $_[0] =~ /[\p{Mn}\p{Me}\p{Cf}\x{1160}-\x{11FF}\x{D7B0}-\x{D7FB}]/ && $_[0] !~ /\p{PCM}|\x{AD}/ }

sub print_table {
  my ($name, $is_in) = @_;
  my (@ranges, $open);
  for my $code (0xA0 .. 0x10FFFF) {
    next if $code >= 0xD800 && $code <= 0xDFFF;
    my $character = chr $code;
    if ($is_in->($character)) {
      push @ranges, [$code, $code] unless $open;
      $ranges[-1][1] = $code;
      $open = 1;
    } elsif ($character !~ /\p{Cn}/) {
      $open = 0;
    }
  }
  printf "inline constexpr std::array<CodeRange, %d> %s{{\n", scalar @ranges, $name;
  printf "    %s,\n", join ', ', map { sprintf '{0x%04X, 0x%04X}', @$_ } splice @ranges, 0, 6 while @ranges;
  print "}};\n\n";
}

print <<"END";
// The code points that are not one column wide on a terminal: those of the Unicode Character Database, version
// @{[Unicode::UCD::UnicodeVersion()]}. Written by width_ranges.pl.
#pragma once

#include <array>
#include <cstdint>

namespace condolock::util {

struct CodeRange {
  std::uint32_t first;
  std::uint32_t last;
};

// clang-format off
END
print_table('wide_ranges', \&is_wide);
print_table('zero_ranges', \&is_zero);
print "// clang-format on\n\n}  // namespace condolock::util\n";
