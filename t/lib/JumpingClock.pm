package JumpingClock;

# A library to be preloaded, by which the time of day jumps.
#
#     my $clock = JumpingClock->new or plan skip_all => $JumpingClock::Why;
#     my $nginx = NginxProcess->new(name => 'clock',
#                                   command => [$clock->command]);
#
#     $clock->jump(86400);     # it is a day later than it is
#     $clock->jump(0);
#
# The monotonic clock goes on as it does.

use strict;
use warnings;

use NginxProcess ();

our $Why = 'a library of our own takes a compiler, and must be the only one';

sub new {
    my $class = shift;
    my $root = $NginxProcess::Root;
    my $self = bless {file => "$root/clock", library => "$root/clock.so"},
                     $class;

    return if $ENV{LD_PRELOAD} || $ENV{WEBHOOK_TEST_MEMCHECK};

    $self->jump(0);
    NginxProcess::write_file("$root/clock.c", source($self->{file}));

    return system("cc -shared -fPIC -o $self->{library} $root/clock.c"
                  . ' 2>/dev/null') == 0 ? $self : undef;
}

sub command { return ('env', "LD_PRELOAD=$_[0]{library}") }

# In seconds.  Whoever reads it finds the old number or the new one.
sub jump {
    my ($self, $ahead) = @_;

    NginxProcess::write_file("$self->{file}.new", $ahead);
    rename "$self->{file}.new", $self->{file} or die "rename: $!";
}

sub source {
    my $file = shift;

    return <<"END";
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long ahead(void)
{
    FILE  *f = fopen("$file", "r");
    long   n = 0;

    if (f) {
        if (fscanf(f, "%ld", &n) != 1) { n = 0; }
        fclose(f);
    }

    return n;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int  rc = (int) syscall(SYS_clock_gettime, id, ts);

    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) {
        ts->tv_sec += ahead();
    }

    return rc;
}

int gettimeofday(struct timeval *tv, void *tz)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}
END
}

1;
