use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use QueueTest qw(config nginx send_events client drained);
use Destination;
use JumpingClock;
use Test::More;

use Time::HiRes qw(sleep);

# The process that delivers: it can't write what has become of events, it hangs,
# or its clock jumps.

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;
my $To = Destination->new(port => NginxProcess::port(1))->start;

my @Pid = (more => 'proxy_set_header X-Pid $pid;');

# The pids of those that have delivered
sub deliverers { return map { $_->{headers}{'x-pid'} } @_ }

subtest 'outcomes that can\'t be written when nginx quits' => sub {
    for my $mends (1, 0) {
        my $nginx = NginxProcess->new(name => "left$mends", command =>
            ['sh', '-c', "trap '' XFSZ; exec \"\$0\" \"\$@\""]);
        config($nginx, workers => 1,
               main => 'worker_shutdown_timeout 6s;')->start;
        $nginx->expect(qr/\[crit\].*"\Q$Root\E\/queue\.left/);
        $To->forget;

        is(scalar(send_events(10, 'X-Do' => 'wait1.5')), 10, 'acknowledged');
        $To->wait_for(10);

        my ($worker) = $nginx->workers;
        my $limit = sub {
            system('prlimit', "--fsize=$_[0]:", "--pid=$worker") == 0
                or die 'prlimit';
        };

        $limit->(8192);
        ok(wait_until(sub { $nginx->log =~ /could not be written/ }),
           'what has become of them is not written');
        sleep 1.5;

        $nginx->reload(keep => 1);
        sleep 2;
        ok(NginxProcess::alive($worker), 'the old worker waits');

        if ($mends) {
            $limit->('unlimited');
            ok(drained(), 'until it can be written');
            ok(wait_until(sub { !NginxProcess::alive($worker) }), 'and ends');
            is($To->count, 10, 'nothing is delivered twice');

        } else {
            my $left = qr/what has become of 10 events could not be written/;
            $nginx->expect($left);
            ok(wait_until(sub { $nginx->log =~ $left }), 'but not for ever');
            ok(wait_until(sub { !NginxProcess::alive($worker) }), 'and ends');
            is(scalar($To->wait_for(20)), 20, 'they are delivered again');
            ok(drained(), 'by another one');
        }

        $nginx->finish;
    }
};

subtest 'the delivering worker hangs' => sub {
    my $nginx = nginx('hangs', workers => 2, @Pid,
                      http => 'webhook_status_zone zone=status:1m;',
                      server => 'location = /status { webhook_status zone=status json; }');
    my $hangs = qr/\[crit\].* "q" is not delivered: process \d+, which has its/;
    $nginx->expect($hangs);
    $To->forget;

    send_events(1);
    my ($by) = deliverers($To->wait_for(1));

    NginxProcess::only((grep { $_ != $by } $nginx->workers)[0], [$by], sub {
        ok(wait_until(sub { $nginx->log =~ $hangs }), 'another one says so');
        sleep 2;
        is(scalar(() = $nginx->log =~ /$hangs/g), 1, 'once');
        like(client()->request(GET => '/status')->{body},
             qr/"heartbeat_seconds":1\d\b/, 'and since when');
    });

    send_events(1);
    ok(drained(), 'until it goes on');
    ok(wait_until(sub { client()->request(GET => '/status')->{body}
                        =~ /"heartbeat_seconds":0\b/ }), 'it is well');
    $nginx->finish;
};

subtest 'a clock that jumps' => sub {
    my $clock = JumpingClock->new or plan skip_all => $JumpingClock::Why;
    my $jump = sub { $clock->jump(@_) };
    my $nginx = NginxProcess->new(name => 'clock',
                                  command => [$clock->command]);
    config($nginx, workers => 1, queue => 'keep_dead=30d')->start;
    $nginx->expect(qr/is dead after attempt/);
    $To->forget;

    send_events(2, 'X-Do' => '410');
    ok(wait_until(sub { (QueueTest::dead() // 0) == 2 }), 'dead letters');
    sleep 1.5;

    $jump->(31 * 86400);
    sleep 3;
    $jump->(0);
    sleep 1.5;
    is(QueueTest::dead(), 2, 'are kept when the clock jumps ahead for a moment');

    $To->forget;
    send_events(1, 'X-Do' => 'wait0.5 503;Retry-After=4, 200');
    send_events(1);
    $To->wait_for(2);
    sleep 1;
    $jump->(-7200);
    is(scalar($To->wait_for(3, 12)), 3,
       'an event is tried again as soon when it is set back');
    ok(drained(), 'delivered');

    # The age of what waits is that which it has, whatever the time of day is.
    $jump->(0);
    sleep 1.5;
    $nginx->expect(qr/destination 0{16} is failing, status 503/);
    send_events(1, 'X-Do' => '503;Retry-After=6, 200');
    ok(wait_until(sub { QueueTest::age() >= 2 }), 'an event waits');
    $jump->(-7200);
    sleep 2;
    cmp_ok(QueueTest::age(), '>=', 4, 'and has its age when the clock is set back');
    $jump->(86400);
    sleep 1;
    cmp_ok(QueueTest::age(), '<', 60, 'or ahead');
    ok(drained(), 'delivered');
    $nginx->finish;
};

$To->stop;
done_testing();
