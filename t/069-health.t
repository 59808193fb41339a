use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use QueueTest qw(nginx event send_event send_events client id waiting drained);
use Destination;
use Test::More;

use Time::HiRes qw(sleep time);

# The health of destinations: what waits for one that fails, what an event costs
# that its destination does not survive, and who gets connections.

*wait_until = \&NginxProcess::wait_until;

my $To = Destination->new(port => NginxProcess::port(1))->start;

my $Refused = qr/Connection refused/;
my $Dead = qr/webhook queue "q": event [0-9a-f-]{36} is dead after attempt/;
my $Failing = qr/webhook queue "q": destination [0-9a-f]{16} is failing, /;


# The times between what was seen
sub gaps {
    my @times = map { $_->{time} } @_;
    return map { $times[$_] - $times[$_ - 1] } 1 .. $#times;
}

# What webhook_api says of an event
sub told {
    my $id = shift;
    my $answer = client()->request(GET => "/api/queues/q/events/$id");
    return {} if !$answer || $answer->{status} != 200;
    return {$answer->{body} =~ /"(state|due|died|attempts|status)":"?([^",}]+)/g};
}

# How many destinations are healthy, and failing
sub destinations {
    my $client = client();
    my $text = $client->request(GET => '/status')->{body};
    return join ' ', map { $text =~ /"destinations_$_":(\d+)/ ? $1 : '?' }
                         qw(healthy failing);
}

my @Status = (http => 'webhook_status_zone zone=status:1m;',
              server => "location = /status { webhook_status zone=status json; }");

subtest 'a destination that is down' => sub {
    $To->stop;

    my $nginx = nginx('down', workers => 1, retry => '100ms 100ms', @Status,
                      deliver => 'concurrency=4');
    $nginx->expect($Refused, $Failing);
    $To->forget;

    my @ids = map { id(send_event(client())) } 1 .. 60;
    sleep 4;

    is(waiting(), 60, 'all wait');
    is(scalar(grep { (told($_)->{attempts} // '?') ne '0' } @ids), 0,
       'and none is charged an attempt');
    is(destinations(), '0 1', 'the status tells of it');

    my $log = $nginx->log;
    is(scalar(() = $log =~ /is failing, status 502: its events wait/g), 1,
       'logged once');
    cmp_ok(scalar(() = $log =~ /Connection refused/g), '<=', 5,
           'not with each attempt');
    unlike($log, qr/will be tried again|is dead/, 'nor each event');

    $To->start;
    my @seen = $To->wait_for(60, 12);
    is(scalar @seen, 60, 'all of them are delivered when it is back');
    cmp_ok($seen[-1]{time} - $seen[0]{time}, '<', 3, 'at once');
    is(scalar(grep { $_->{headers}{'x-attempt'} != 1 } @seen), 0,
       'in their first attempt');
    my ($first) = grep { $seen[$_]{headers}{'webhook-id'} eq $ids[0] } 0 .. 59;
    cmp_ok($first, '<', 6, 'in order of arrival');
    ok(drained(), 'nothing waits');
    like($nginx->log, qr/destination 0{16} is healthy again/, 'logged, too');
    $nginx->finish;
};

subtest 'an event that its destination does not survive' => sub {
    my $nginx = nginx('poison', retry => '300ms 300ms', @Status,
                      deliver => 'concurrency=2');
    $nginx->expect(qr/upstream prematurely closed/, $Dead);
    $To->forget;

    my $id = id(send_event(client(), 'X-Do' => 'close'));
    my $end = time + 3;
    my $n = 0;

    while (time < $end) {
        $n += send_events(1, 'X-Do' => 'wait0.02');
        sleep 0.01;
    }

    my $told;
    wait_until(sub { ($told = told($id))->{state} eq 'dead' });
    is("$told->{state} $told->{attempts} $told->{status}", 'dead 3 502',
       'it spends its own retries');
    ok(drained(), 'others get through');

    my @seen = grep { $_->{headers}{'webhook-id'} ne $id } $To->seen;
    is(scalar @seen, $n, 'all of them, once');
    my ($most) = sort { $b <=> $a } gaps(@seen);
    cmp_ok($most, '<', 1.5, 'without a stop');
    $nginx->expect($Failing);
    $nginx->finish;
};

subtest 'destinations that hang' => sub {
    my ($port, $to) = map { NginxProcess::port($_) } 2, 1;
    my $Hang = Destination->new(port => $port, default => 'hang')->start;

    my $nginx = nginx('hang', deliver => 'timeout=1s '
                      . 'destination=$webhook_field_state',
                      connections => 128, workers => 1, retry => '1h',
                      http => $Status[1] . <<END, server => $Status[3],
    map \$webhook_field_state \$there {
        ~^hang  127.0.0.1:$port;
        default 127.0.0.1:$to;
    }
END
                      pass => 'proxy_pass http://$there;');
    $nginx->expect(qr/delivery has taken too long/, $Failing);
    $To->forget;

    my $send = sub {
        my ($client, $state) = @_;
        send_event($client, body => event() =~ s/null,"payload"/
                                                "$state","payload"/xr);
    };

    my $client = client();
    for my $n (1 .. 5) { $send->($client, "hang$_") for 1 .. 80 }

    my $from = time;
    $send->($client, 'well') for 1 .. 20;
    is(scalar($To->wait_for(20, 20)), 20, 'a healthy one gets its events');
    cmp_ok(time - $from, '<', 15, 'soon');

    ok(wait_until(sub { destinations() =~ / (\d+)$/ && $1 > 20 }),
       'others are failing');
    $To->forget;
    $from = time;
    $send->($client, 'well') for 1 .. 20;
    is(scalar($To->wait_for(20, 10)), 20, 'while it gets others');
    cmp_ok(time - $from, '<', 5, 'at once');

    # All that fail have 24 attempts at a time together, 3/16 of the
    # connections.  They may not yet know of those that were just given up.
    ok(wait_until(sub { destinations() =~ / 80$/ }, 30), 'all that hang fail');
    $Hang->forget;
    my @tried = $Hang->wait_for(40, 20);
    cmp_ok(scalar @tried, '>=', 40, 'they are tried again');
    my ($most) = sort { $b <=> $a } map { $_->{active} } @tried;
    cmp_ok($most, '<=', 48, 'connections are left');
    is(scalar(() = $nginx->log =~ /attempts wait for connections/g), 1,
       'logged once');
    like(client()->request(GET => '/status')->{body}, qr/"throttled":[1-9]/,
         'and counted');

    $Hang->stop;
    $nginx->expect(qr/upstream prematurely closed|reset by peer|refused/);
    $nginx->finish;
};

$To->stop;
done_testing();
