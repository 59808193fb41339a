#!/usr/bin/perl
#
# Tells what came of a run of prove; util/test runs it.
#
#     perl util/results.pl FOLDER STATUS
#
# FOLDER is what WEBHOOK_TEST_ROOT was in that run.  It has prove's output in
# prove.log, and whatever nginx, a sanitizer or valgrind wrote.  STATUS is prove's
# exit status.  Findings that no test has looked at are printed, then
# "N passed, N failed".

use strict;
use warnings;

@ARGV == 2 or die "usage: perl util/results.pl FOLDER STATUS\n";
my ($folder, $status) = @ARGV;

# One cause often gives many findings: so many are shown.
my $Shown = 3;
my $Lines = 50;


sub slurp {
    my $file = shift;

    open my $in, '<:raw', $file or die "$file: $!\n";
    local $/;
    return scalar <$in> // '';
}


# Tests that passed and tests that failed, by the lines that prove ends with:
#
#     t/x.t (Wstat: 256 Tests: 9 Failed: 1)
#     Files=2, Tests=20,  3 wallclock secs ...
#
# A file that broke off is listed although none of its tests failed, and prove
# itself may have broken off: each counts as a failure.

sub count_prove {
    my ($text, $status) = @_;

    my ($tests, $failed) = (0, 0);

    $tests = $1 while $text =~ /^Files=\d+, Tests=(\d+)/mg;

    while ($text =~ /\(Wstat: (.*)/g) {
        my ($bad) = $1 =~ /Failed: *(\d+)/;
        $failed += $bad || 1;
    }

    my $passed = $tests > $failed ? $tests - $failed : 0;

    $failed = 1 if $status != 0 && $failed == 0;

    return ($passed, $failed);
}


# Whether a sanitizer found nothing but the first pool of an nginx that ended
# because of its configuration.  main() leaves this pool to the kernel.

sub is_first_pool {
    my $text = shift;

    return 0 if $text !~ /ERROR: LeakSanitizer/
                || $text =~ /ERROR: AddressSanitizer|runtime error:/;

    my $leaks = () = $text =~ /^Direct leak/mg;
    my $pools = () = $text =~ / in ngx_create_pool .*\n.* in main /g;

    return $leaks && $leaks == $pools;
}


# The files with something that a test has not looked at.  In nginx's own logs
# this is what a sanitizer says there, because it writes to standard error when
# it can't open its own file: the tests look at everything else.

sub unexpected {
    my $folder = shift;

    my @alerts = grep { -s } glob "$folder/*.alert.log";
    my @reports = grep { -s && !is_first_pool(slurp($_)) }
                  glob "$folder/sanitizer.*";
    my @logs = grep { -s && slurp($_) =~ /AddressSanitizer|LeakSanitizer
                                          |runtime\ error:/x }
               glob "$folder/*/logs/*.log";

    return (@alerts, @reports, @logs);
}


my ($passed, $failed) = count_prove(slurp("$folder/prove.log"), $status);
my @found = unexpected($folder);

for my $file (@found > $Shown ? @found[0 .. $Shown - 1] : @found) {
    my @lines = split /^/, slurp($file);
    splice @lines, $Lines if @lines > $Lines;

    print "\nunexpected, in $file:\n", @lines;
    print "\n" if $lines[-1] !~ /\n\z/;
}

if (@found > $Shown) {
    printf "\n... and in %d files more in %s\n", @found - $Shown, $folder;
}

printf "%d passed, %d failed\n", $passed, $failed + @found;
