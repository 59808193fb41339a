use strict;
use warnings;

# The tools in util/ and bench/: what they answer to --help and to options that
# they don't know, and the programs that count and add up for them.

use Test::More;

use File::Basename qw(basename dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Spec;
use File::Temp qw(tempdir);

my $Top = dirname(dirname(File::Spec->rel2abs(__FILE__)));
my $Dir = tempdir(CLEANUP => 1);

chdir $Dir or die "$Dir: $!";


sub slurp {
    my $file = shift;

    open my $in, '<:raw', $file or die "$file: $!";
    local $/;
    return scalar(<$in>) // '';
}

sub spew {
    my ($file, $text) = @_;

    make_path(dirname($file));
    open my $out, '>:raw', $file or die "$file: $!";
    print $out $text;
    close $out or die "$file: $!";
}

# What a command writes to either output, and its exit status.
sub run {
    my @command = @_;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null' or die $!;
        open STDOUT, '>', "$Dir/stdout" or die $!;
        open STDERR, '>', "$Dir/stderr" or die $!;
        exec @command or die "$command[0]: $!";
    }

    waitpid $pid, 0;

    return (slurp("$Dir/stdout"), slurp("$Dir/stderr"), $? >> 8);
}


# --- usage ----------------------------------------------------------------

# Each script is run where it is alone: if it did more than to look at its
# options, it would miss util/lib.sh.

my @scripts = grep { -f && -x } glob "$Top/util/*";

cmp_ok(scalar @scripts, '>', 9, 'there are scripts');

for my $script (@scripts) {
    my $name = basename($script);
    my $copy = "$Dir/alone/util/$name";
    my $help;

    make_path("$Dir/alone/util");
    copy($script, $copy) or die "$copy: $!";
    chmod 0755, $copy;

    for my $option ('--help', '-h') {
        my ($out, $err, $status) = run($copy, $option);

        like($out, qr{^usage: util/$name\b}, "util/$name $option: usage");
        is($err, '', "util/$name $option: nothing else");
        is($status, 0, "util/$name $option: status");
        $help = $out;
    }

    my ($out, $err, $status) = run($copy, '--no-such-option');

    is($err, $help, "util/$name: an unknown option, usage");
    is($out, '', "util/$name: an unknown option, nothing else");
    is($status, 2, "util/$name: an unknown option, status");

    is_deeply([glob "$Dir/alone/{*,util/*}"], ["$Dir/alone/util", $copy],
              "util/$name leaves nothing behind");

    unlink $copy;
}


# --- util/results.pl ------------------------------------------------------

# What it prints of a folder with these files.
sub results {
    my ($status, %files) = @_;

    system('rm', '-rf', "$Dir/run") == 0 or die "rm: $?";
    spew("$Dir/run/$_", $files{$_}) for keys %files;

    my ($out, $err, $exit) = run('perl', "$Top/util/results.pl", 'run',
                                 $status);

    return $err eq '' && $exit == 0 ? $out : "status $exit: $err";
}

my $good = <<'END';
t/010-a.t .. ok
t/020-b.t .. ok
All tests successful.
Files=2, Tests=20,  3 wallclock secs ( 0.05 usr  0.01 sys)
Result: PASS
END

my $bad = <<'END';
Test Summary Report
-------------------
t/010-a.t (Wstat: 512 Tests: 9 Failed: 2)
  Failed tests:  3, 5
  Non-zero exit status: 2
t/020-b.t (Wstat: 65280 Tests: 4 Failed: 0)
  Non-zero exit status: 255
  Parse errors: No plan found in TAP output
Files=3, Tests=20,  3 wallclock secs ( 0.05 usr  0.01 sys)
Result: FAIL
END

is(results(0, 'prove.log' => $good), "20 passed, 0 failed\n", 'all passed');
is(results(1, 'prove.log' => $bad), "17 passed, 3 failed\n",
   'tests that failed, and a file that broke off');
is(results(130, 'prove.log' => "t/010-a.t .. \n"), "0 passed, 1 failed\n",
   'prove broke off');
is(results(2, 'prove.log' => $good), "20 passed, 1 failed\n",
   'prove failed, and no test did');
like(results(0), qr/^status \d+: .*prove\.log/, 'without a log of prove');

is(results(0, 'prove.log' => $good, '010-a.alert.log' => '',
           'sanitizer.1' => '', '010-a/logs/error.log' => <<'END'),
2026/01/01 00:00:00 [alert] 1#1: expected by its test
END
   "20 passed, 0 failed\n", 'an alert that the test has looked at');

is(results(0, 'prove.log' => $good, '010-a.alert.log' => "[alert] late\n"),
   <<'END', 'an alert that came late');

unexpected, in run/010-a.alert.log:
[alert] late
20 passed, 1 failed
END

is(results(1, 'prove.log' => $bad, map { ("0$_.alert.log", "[emerg] $_") }
              1 .. 5), <<'END', 'many findings');

unexpected, in run/01.alert.log:
[emerg] 1

unexpected, in run/02.alert.log:
[emerg] 2

unexpected, in run/03.alert.log:
[emerg] 3

... and in 2 files more in run
17 passed, 8 failed
END

is(results(0, 'prove.log' => $good,
           'sanitizer.7' => join('', map { "line $_\n" } 1 .. 99)),
   "\nunexpected, in run/sanitizer.7:\n"
   . join('', map { "line $_\n" } 1 .. 50) . "20 passed, 1 failed\n",
   'a long report');

for my $line ('==1==ERROR: AddressSanitizer: heap-use-after-free',
              '==1==ERROR: LeakSanitizer: detected memory leaks',
              'a.c:1:2: runtime error: signed integer overflow')
{
    is(results(0, 'prove.log' => $good, '010-a/logs/error.log' => "$line\n"),
       "\nunexpected, in run/010-a/logs/error.log:\n$line\n"
       . "20 passed, 1 failed\n", "in an error log: $line");
}

sub leak {
    return "Direct leak of 512 byte(s) in 1 object(s) allocated from:\n"
           . join('', map { "    #$_ 0x1 in $_[$_] a.c:1\n" } 0 .. $#_) . "\n";
}

my $leaks = "==1==ERROR: LeakSanitizer: detected memory leaks\n\n";
my @pool = qw(posix_memalign ngx_memalign ngx_create_pool main);

is(results(0, 'prove.log' => $good, 'sanitizer.1' => $leaks . leak(@pool)),
   "20 passed, 0 failed\n", 'the first pool, which main() leaves');

for my $more (leak(qw(malloc ngx_alloc main)),
              leak(qw(posix_memalign ngx_create_pool ngx_init_cycle main)),
              "a.c:1:2: runtime error: overflow\n")
{
    is(results(0, 'prove.log' => $good,
               'sanitizer.1' => $leaks . leak(@pool) . $more),
       "\nunexpected, in run/sanitizer.1:\n$leaks" . leak(@pool) . $more
       . "20 passed, 1 failed\n", 'the first pool, and more');
}


# --- util/coverage.pl -----------------------------------------------------

spew("$Dir/lines/a.c.gcov", <<'END');
        -:    0:Source:a.c
        5:    1:int a;
       1*:    2:int b;
    #####:    3:int c;
    =====:    4:int d;
        -:    5:
END

spew("$Dir/lines/b.c.gcov", <<'END');
        -:    0:Source:b.c
        1:    1:a ? b : c;
    #####:    2:a == b;
        3:    3:#define a
        1:    4:a
END

is_deeply([run('perl', "$Top/util/coverage.pl",
               map { "lines/$_.c.gcov" } qw(b a))], [<<'END', '', 0],
     4 lines,  50.0 %,    2 never:  a.c
     4 lines,  75.0 %,    1 never:  b.c
     8 lines,  62.5 %,    3 never:  total
END
          'lines that have been executed, the worst file first');


# --- bench/stat.awk -------------------------------------------------------

# The table that it prints of lines.
sub table {
    my ($form, $head, $columns, @lines) = @_;

    spew("$Dir/measured", join '', map { "$_\n" } @lines);

    return run('awk', '-v', "form=$form", '-v', "head=$head",
               '-v', "columns=$columns", '-f', "$Top/bench/stat.awk",
               "$Dir/measured");
}

is_deeply([table('%-6s %4s %4s %4s %s', ';low;mid;p25;from-to',
                 'us lowest %d; us median %.1f; us p25 %.2f;'
                 . 'us quartiles %.1f',
                 'one|us=3', 'one|us=10', 'two|us=7', 'one|us=1', 'one|us=4')],
          [<<'END', '', 0], 'quantiles');
        low  mid  p25 from-to
one       1  3.5 2.50 2.5-5.5
two       7  7.0 7.00 7.0-7.0
END

is_deeply([table('%-4s %s', '', 'rate ratio %.2f',
                 'one|us=1|rate=10', 'two|rate=20|us=1', 'one|rate=10',
                 'two|rate=15', 'one|rate=40', 'two|rate=40')],
          [<<'END', '', 0], 'ratios of the same round, without headings');
one  1
two  1.50 (1.25-1.75)
END

is_deeply([table('%-3s %-4s %2s %2s', 'a;b;n;max', 'x count %d; x highest %d',
                 "1\tone|x=9", "1\ttwo|x=2", "1\tone|x=10", "16\tone|x=5")],
          [<<'END', '', 0], 'a part of a label that is the same as above');
a   b     n max
1   one   2 10
    two   1  2
16  one   1  5
END


done_testing();
