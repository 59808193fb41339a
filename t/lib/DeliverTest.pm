package DeliverTest;

# What the tests of the delivering processes share: the destination of their
# events, load, and what must have come of it.

use strict;
use warnings;

use NginxProcess;
use QueueTest qw(event send_event drained numbers);
use Destination;
use Exporter 'import';
use Test::More;

use Time::HiRes qw(sleep);

our @EXPORT = qw($Root $To @Pid left_in_epoll deliverers times_seen load_events
                 verify);

our $Root = $NginxProcess::Root;
our $To = Destination->new(port => NginxProcess::port(1))->start;

# The descriptors that a process has closed, and has in an epoll nevertheless
sub left_in_epoll {
    my $pid = shift;
    my @info = map { eval { NginxProcess::read_file($_) } // '' }
               glob "/proc/$pid/fdinfo/*";

    return grep { !-l "/proc/$pid/fd/$_" } map { /^tfd:\s*(\d+)/mg } @info;
}

# The pids of those that have delivered
sub deliverers { return map { $_->{headers}{'x-pid'} } @_ }

our @Pid = (more => 'proxy_set_header X-Pid $pid;');

# How often each number was seen
sub times_seen {
    my %times;
    $times{$_}++ for numbers($To->seen);
    return %times;
}

# A step of NginxProcess::load(): an event, and what was answered.  Numbers are
# the process's and the step's.
sub load_events {
    my ($clients, %headers) = @_;

    return NginxProcess::load($clients, sub {
        my ($n, $client, $k) = @_;
        my $number = ($n + 1) * 1000000 + $k;

        $client->close if $headers{close};

        my $answer = send_event($client, body => event() =~ s/"n":\d+/"n":$number/r,
                                $headers{do} ? ('X-Do' => $headers{do}) : ());
        sleep 0.002;
        return ($number, $answer ? $answer->{status} : 'lost');
    });
}

# All that was acknowledged has been seen, and what was seen more than once is
# no more than what a crash explains; nothing that was refused was seen.
sub verify {
    my ($results, %with) = @_;
    my (%status, %count);

    for my $line (map { @$_ } @$results) {
        my ($number, $status) = @$line;
        $status{$number} = $status;
        $count{$status}++;
    }

    my @acknowledged = grep { $status{$_} eq '202' } keys %status;

    ok(drained($with{patience}), 'nothing is waiting any more');

    my %times = times_seen();
    my @lost = grep { !$times{$_} } @acknowledged;
    my @odd = grep { !exists $status{$_} || $status{$_} !~ /^(?:202|lost)$/ }
              keys %times;
    my @twice = grep { $times{$_} > 1 } keys %times;

    my $counted = join ', ', map { "$count{$_} $_" } sort keys %count;

    cmp_ok($count{202} // 0, '>=', 50 / $NginxProcess::Slowness,
           "load: $counted");
    is(scalar @lost, 0, 'none is lost') or diag("lost: @lost[0 .. 3]");
    is(scalar @odd, 0, 'none that was refused has come')
        or diag("odd: @odd[0 .. 3]");
    cmp_ok(scalar @twice, '<=', $with{twice} // 0,
           scalar(@twice) . ' came more than once');

    return;
}

1;
