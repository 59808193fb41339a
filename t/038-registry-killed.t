use strict;
use warnings;
no warnings 'portable';    # addresses in hex

use lib 't/lib';
use NginxProcess;
use Registrations;
use StateTest;
use Test::More;

# A process is killed while it changes the zone of registrations.  The moment
# can't be hit from outside, so that the test makes of the zone what such a
# process may leave: the mark that somebody is at work, and lists and memory
# that must not be followed any more.

my $Root = $NginxProcess::Root;
my $Size = 3;

plan skip_all => "can't write into the memory of another process"
    if $> != 0 || $NginxProcess::Slowness > 1 || length(pack 'J', 0) != 8;

# Opens the memory of a process; returns that and the zone's address.
sub memory {
    my $pid = shift;

    open my $maps, '<', "/proc/$pid/maps" or die "maps: $!";

    while (my $line = <$maps>) {
        my ($from, $to) = $line =~ /^([0-9a-f]+)-([0-9a-f]+) rw-s /
            or next;
        ($from, $to) = (hex $from, hex $to);
        next if $to - $from != $Size * 1024 * 1024;

        open my $memory, '+<:raw', "/proc/$pid/mem" or die "mem: $!";
        return ($memory, $from);
    }

    die "process $pid has no such zone";
}

sub peek {
    my ($memory, $from, $len) = @_;
    sysseek $memory, $from, 0 or die "seek: $!";
    my $bytes;
    my $read = sysread $memory, $bytes, $len;
    die "read: $!" if !$read || $read != $len;
    return $bytes;
}

sub poke {
    my ($memory, $from, $bytes) = @_;
    sysseek $memory, $from, 0 or die "seek: $!";
    my $written = syswrite $memory, $bytes;
    die "write: $!" if !$written || $written != length $bytes;
}

# As a process leaves the zone that is killed at work, and worse: the owners'
# table and the list of free pages lead nowhere.
sub spoil {
    my ($pid, $generation, $work) = @_;
    my ($memory, $zone) = memory($pid);

    # Layout, mark, generation and, first in the table, the pool.
    my $at = index peek($memory, $zone, $Size * 1024 * 1024),
                   pack 'J4', 4, 0, $generation, $zone;
    die 'there is no table in the zone' if $at < 0;

    my ($owners, $mask) = unpack 'J2', peek($memory, $zone + $at + 48, 16);

    poke($memory, $zone + $at + 8, pack 'J', $work);
    poke($memory, $owners, "\x5a" x (8 * ($mask + 1)));
    poke($memory, $zone + 48, "\x5a" x 24);
}

for my $kept (1, 0) {
    my $what = $kept ? 'with a state' : 'without a state';

    my $nginx = NginxProcess->new(name => $kept ? 'killed' : 'killed-memory');
    config($nginx, $kept ? (state => "$Root/killed") : (),
           zone => "${Size}m", workers => 2)->start;
    NginxProcess::wait_until(sub { $nginx->workers == 2 });

    my @uuids = map { uuid(create(client(), "action $_", '{"n":"'
                                  . 'v' x (40 * $_) . '"}')) } 1 .. 60;
    is(scalar(grep { defined } @uuids), 60, "$what: created");

    my $before = list(client());

    for my $round (0 .. 2) {
        my @workers = $nginx->workers;

        spoil($workers[0], $round, 1);

        # What is first to be asked for finds it.
        my $answer = $round == 0 ? get(client(), $uuids[3])
                   : $round == 1 ? create(client(), 'another one')
                   :               remove(client(), pop(@$before)->[0]);
        like($answer->{status}, qr/^20[04]$/, "$what: mended");

        push @$before, [uuid($answer), 'another one'] if $round == 1;

        is_deeply(list(client()), $before, 'all are there');

        my $found = () = $nginx->log =~ /\[warn\].*webhook\ zone\ "hooks"\ was
            \ left\ half\ changed\ by\ a\ process\ that\ was\ killed,
            \ and\ has\ been\ made\ anew/gx;
        is($found, $round + 1, 'and it is told');
    }

    is(remove(client(), $uuids[5])->{status}, 204, 'one is deleted');
    is(get(client(), $uuids[5])->{status}, 404, 'and gone');
    is(answered(trigger(client(), $uuids[59])), '200 action 60', 'triggered');

    # Whoever mends the zone may be killed as well, and then there is nothing
    # in the memory that could be read.
    spoil(($nginx->workers)[1], 3, 2);
    is(scalar(@{list(client())}), $kept ? 59 : 0,
       "$what: killed while it mends");
    is(create(client(), 'new')->{status}, 200, 'and it goes on');

    $nginx->stop;

    if ($kept) {
        $nginx->start;
        is(scalar(@{list(client())}), 60, 'and after a restart');
    }

    $nginx->finish;
}

done_testing();
