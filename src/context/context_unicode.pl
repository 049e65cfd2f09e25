#!/usr/bin/env perl
# context_unicode.pl: writes context_unicode.h from the Unicode tables of Perl.
#
# Run again only together with a new name for content_fingerprint: stored
# fingerprints depend on these tables.
use strict;
use warnings;
use Unicode::UCD;

my (@ranges, @maps);
for my $code (0x80 .. 0x10FFFF)
{
	next if $code >= 0xD800 && $code <= 0xDFFF;
	next unless chr($code) =~ /[\p{L}\p{Nd}]/;
	if (@ranges && $ranges[-1][1] == $code - 1)
	{
		$ranges[-1][1] = $code;
	}
	else
	{
		push @ranges, [ $code, $code ];
	}
	my $info = Unicode::UCD::charinfo($code);
	next unless $info && $info->{lower} ne '';
	my $delta = hex($info->{lower}) - $code;
	my $map = $maps[-1];
	if ($map && $map->[3] == $delta
		&& ($code - $map->[1] == $map->[2] || ($map->[0] == $map->[1] && $code - $map->[1] == 2)))
	{
		$map->[2] = $code - $map->[1];
		$map->[1] = $code;
	}
	else
	{
		push @maps, [ $code, $code, 1, $delta ];
	}
}

sub rows
{
	my ($per_line, @rows) = @_;
	my $text = '';
	while (my @line = splice @rows, 0, $per_line)
	{
		$text .= "\t" . join(', ', @line) . (@rows ? ",\n" : "\n");
	}
	return $text;
}

printf <<'END', Unicode::UCD::UnicodeVersion(),
/*-------------------------------------------------------------------------
 *
 * context_unicode.h
 *	  Letters, digits and lower case beyond ASCII, of Unicode %s.
 *
 * Written by context_unicode.pl; not to be edited.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VX_CONTEXT_UNICODE_H
#define VX_CONTEXT_UNICODE_H

/* Code points of the categories L and Nd: first and last */
static const uint32 unicode_letters[][2] = {
%s};

/* Simple lower case: first and last code point, step, what is added */
static const int32 unicode_lower[][4] = {
%s};

#endif							/* VX_CONTEXT_UNICODE_H */
END
  rows(5, map { sprintf '{0x%X, 0x%X}', @$_ } @ranges),
  rows(4, map { sprintf '{0x%X, 0x%X, %d, %d}', @$_ } @maps);
