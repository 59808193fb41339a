#!/usr/bin/perl
#
# Prints how many lines of each file have been executed, the worst first, and of
# all of them together; util/test --coverage runs it.
#
#     perl util/coverage.pl FILE.gcov...
#
# The files are gcov's listings.  In these a line begins with how often it has
# been executed, "#####" or "=====" if it never has been, and "-" if there is
# nothing to execute.

use strict;
use warnings;

@ARGV or die "usage: perl util/coverage.pl FILE.gcov...\n";


sub count_lines {
    my $file = shift;

    my ($name) = $file =~ m{([^/]*)\.gcov\z} or die "$file is no listing\n";
    my ($all, $never) = (0, 0);

    open my $in, '<:raw', $file or die "$file: $!\n";

    while (<$in>) {
        my ($count) = /^([^:]*):/ or next;

        $all++ if $count =~ /[0-9#=]/;
        $never++ if $count =~ /[#=]/;
    }

    return { name => $name, all => $all, never => $never };
}


# In percent.
sub executed {
    my $file = shift;

    return $file->{all} ? 100 * ($file->{all} - $file->{never}) / $file->{all}
                        : 100;
}


my @files = sort { executed($a) <=> executed($b) || $a->{name} cmp $b->{name} }
            map { count_lines($_) } @ARGV;

my %total = (name => 'total', all => 0, never => 0);

for my $file (@files) {
    $total{$_} += $file->{$_} for qw(all never);
}

for my $file (@files, \%total) {
    printf "%6d lines, %5.1f %%, %4d never:  %s\n",
           $file->{all}, executed($file), $file->{never}, $file->{name};
}
