use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use QueueTest qw(config nginx event send_event send_events client waiting drained
                 numbers sorted);
use DeliverTest;
use Test::More;

use Time::HiRes qw(sleep time);

# An event that was acknowledged is delivered at least once, whatever nginx is told
# meanwhile: to reload, to quit, to be another binary.

*wait_until = \&NginxProcess::wait_until;

subtest 'reload under load' => sub {
    my $nginx = nginx('reload', workers => 2, @Pid);
    $To->forget;

    my $load = load_events(6, close => 1);

    for (1 .. 4) {
        sleep 0.3 + rand 0.5;
        $nginx->reload(keep => 1) or fail('reload');
    }

    verify([$load->stop]);
    ok(wait_until(sub { NginxProcess::children($nginx->master) == 2 }),
       'the old workers are gone');

    my %by = map { $_ => 1 } deliverers($To->seen);
    cmp_ok(scalar keys %by, '>', 1, 'several have delivered');
    $nginx->finish;
};

subtest 'a queue whose path changes at a reload' => sub {
    my $nginx = nginx('path', retry => '1h');
    my @workers = $nginx->workers;
    my $path = "$Root/queue.path";
    $To->forget;

    send_events(2, 'X-Do' => '500, 200');
    $To->wait_for(2);
    ok(wait_until(sub { waiting() == 2 }), 'two wait');

    my $log = length $nginx->log;
    config($nginx, retry => '100ms', path => "$Root/elsewhere");
    kill HUP => $nginx->master;

    my $refused = qr/\[emerg\]\ .*webhook\ queue\ "q"\ has\ the\ file
                     \ "\Q$path\E"\ and\ can't\ change\ to
                     \ "\Q$Root\E\/elsewhere"/x;

    ok(wait_until(sub { substr($nginx->log, $log) =~ $refused }), 'can\'t');
    is(join(' ', $nginx->workers), "@workers", 'the workers stay');
    ok(!-e "$Root/elsewhere", 'the other file was not made');
    is(scalar(send_events(1)), 1, 'events are taken');
    $nginx->expect($refused);

    # another queue may have another file
    config($nginx, retry => '100ms',
           http => "webhook_queue_path $Root/elsewhere queue=new;",
           from => <<END, server => <<END);
        location /hook/ {
            webhook munity unknown=pass;
            webhook_secret off;
            webhook_queue new;
        }
END
        location \@new {
            webhook_deliver new;
            proxy_pass http://127.0.0.1:@{[NginxProcess::port(1)]};
        }
END
    ok($nginx->reload, 'a new name is fine');
    is(scalar(send_events(1)), 1, 'its events are taken');
    ok(drained(), 'what waited is delivered');
    ok(wait_until(sub { $To->count == 6 }), 'and what is new');

    $nginx->finish;
};

subtest 'a zone that a reload takes away, or renames' => sub {
    my @zones = map { "webhook_dedup_zone zone=$_:256k state=$Root/keys;" }
                    qw(keys seen);
    my $nginx = nginx('files', http => $zones[0]);
    my @workers = $nginx->workers;

    config($nginx, http => $zones[1]);
    kill HUP => $nginx->master;

    my $refused = qr/\[emerg\]\ .*the\ file\ "\Q$Root\E\/keys"\ is\ that\ of
                     \ webhook\ dedup\ zone\ "keys",\ and\ can't\ become\ that
                     \ of\ webhook\ dedup\ zone\ "seen"\ without\ a
                     \ restart/x;

    ok(wait_until(sub { $nginx->log =~ $refused }), 'no other has its file');
    is(join(' ', $nginx->workers), "@workers", 'the workers stay');
    $nginx->expect($refused);

    config($nginx);
    ok($nginx->reload, 'it may go');
    my $left = qr/\[warn\]\ .*webhook\ dedup\ zone\ "keys"\ is\ not\ configured
                  \ any\ more:\ what\ its\ file\ "\Q$Root\E\/keys"\ has\ waits
                  \ there\ until\ it\ is\ again/x;
    is(scalar(() = $nginx->log =~ /$left/g), 1, 'which is told');

    my $master = $nginx->master;
    my $descriptors = NginxProcess::descriptors($master);

    config($nginx, http => "$zones[1]\n"
                           . "webhook_queue_path $Root/more queue=more;");
    ok($nginx->reload, 'then another may have the file');
    is(scalar(() = $nginx->log =~ /$left/g), 1, 'of which nothing is told');

    config($nginx);
    ok($nginx->reload, 'without them');
    is(NginxProcess::descriptors($master), $descriptors,
       'nothing of theirs is open in the master');

    $nginx->finish;
};

subtest 'what is under way at a reload' => sub {
    my $nginx = nginx('reload-way', workers => 2, @Pid, retry => '1h',
                      deliver => 'concurrency=4');
    $To->forget;

    # Four are under way for a while, the others wait for them.
    my $while = $NginxProcess::Slowness > 1 ? 40 : 4;
    my @sent = send_events(12, 'X-Do' => "wait$while, 200");
    my ($old) = deliverers($To->wait_for(4));

    my $from = time;
    $nginx->reload(keep => 1);
    my @new = $nginx->workers;

    my @seen = $To->wait_for(8);
    is_deeply([left_in_epoll($old)], [], 'no event is left behind');
    my @next = @seen[4 .. 7];

    cmp_ok($next[-1]{time} - $from, '<', $while - 0.5, 'the others go on soon')
        or diag($nginx->log);
    is(scalar(grep { my $by = $_->{headers}{'x-pid'};
                     !grep { $_ == $by } @new } @next), 0, 'with a new worker');
    ok(NginxProcess::alive($old), 'while the old one ends what it had begun');
    ok(drained(), 'all are delivered');
    is($To->count, 12, 'once each');
    ok(wait_until(sub { !NginxProcess::alive($old) }), 'and it ends');
    $nginx->finish;
};

subtest 'a worker that was told to quit is killed' => sub {
    my $nginx = nginx('quit-killed', workers => 1, @Pid, retry => '1h',
                      more => 'proxy_read_timeout 600s;');
    $To->forget;

    send_events(1, 'X-Do' => 'hang, 200');
    $To->wait_for(1);
    my ($old) = $nginx->workers;
    $nginx->reload(keep => 1);

    # Longer than a lease is.
    sleep 12;
    is($To->count, 1, 'what it has under way is its own');

    $nginx->expect(qr/worker process $old exited on signal 9/);
    kill KILL => $old;

    is(scalar($To->wait_for(2)), 2, 'and the next one\'s when it is killed');
    ok(drained(), 'which is all');
    $nginx->finish;
};

subtest 'quit' => sub {
    my $nginx = nginx('quit', workers => 2, retry => '1h',
                      deliver => 'concurrency=2');
    $To->forget;

    send_events(1, 'X-Do' => '500');
    $To->wait_for(1);
    my @sent = send_events(8, 'X-Do' => 'wait1.5');
    $To->wait_for(2);

    my $from = time;
    ok($nginx->stop('QUIT'), 'it ends');
    cmp_ok(time - $from, '<', 10, 'and does not wait for what is waiting');
    my $count = $To->count;
    cmp_ok($count, '<=', 4, 'nothing more is begun');

    $nginx->start;
    is(scalar $To->wait_for(9), 9, 'the rest is delivered after a start');
    sleep 0.2;
    ok(wait_until(sub { waiting() == 1 }), 'but for the one that failed');
    is($To->count, 9, 'once each');
    $nginx->finish;
};

subtest 'worker_shutdown_timeout' => sub {
    my $nginx = nginx('shutdown', workers => 1, retry => '100ms',
                      main => 'worker_shutdown_timeout 500ms;');
    $To->forget;

    send_events(3, 'X-Do' => 'hang, 200');
    $To->wait_for(3);
    my $from = time;
    ok($nginx->reload, 'the old worker ends');
    cmp_ok(time - $from, '<', 8, 'soon');
    my @seen = $To->wait_for(6, 15);
    is(scalar @seen, 6, 'what it had under way comes again');
    is(join(' ', map { $_->{headers}{'x-attempt'} } @seen), '1 1 1 1 1 1',
       'it was no attempt');
    ok(drained(), 'and is delivered');
    $nginx->finish;
};

# Starts the new binary; returns its master
sub upgrade {
    my $nginx = shift;
    my $old = $nginx->master;

    kill USR2 => $old;

    wait_until(sub {
        my $new = $nginx->master;
        return $new && $new != $old && NginxProcess::workers_of($new) == 2;
    }) or BAIL_OUT('the new binary does not start');

    return $nginx->master;
}

subtest 'binary upgrade under load' => sub {
    my $nginx = nginx('upgrade', workers => 2, @Pid);
    $To->forget;

    my $load = load_events(4, close => 1);
    sleep 0.5;

    my $old = $nginx->master;
    my @old = $nginx->workers;
    my $new = upgrade($nginx);

    sleep 0.5;
    kill WINCH => $old;
    ok(wait_until(sub { !NginxProcess::alive(@old) }), 'the old workers end');
    kill QUIT => $old;
    ok(wait_until(sub { !NginxProcess::alive($old) }), 'the old master ends');
    sleep 1.5;
    verify([$load->stop]);

    my %by = map { $_ => 1 } deliverers($To->seen);
    is(scalar keys %by, 2, 'one of each has delivered');
    $nginx->finish;
};

subtest 'master_process off' => sub {
    my $nginx = NginxProcess->new(name => 'single');
    config($nginx, main => 'master_process off;', workers => 1);

    # As a child: there is no daemon that would lead a group.
    unlink "$Root/logs/nginx.pid";
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>', '/dev/null';
        exec(NginxProcess::binary(), '-p', "$Root/", '-c', 'conf/nginx.conf',
             '-e', 'logs/error.log', '-g', 'daemon off;')
            or POSIX::_exit(99);
    }

    wait_until(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => NginxProcess::port(0)) });
    $To->forget;

    my @sent = (send_events(10, 'X-Do' => '500, 200'), send_events(10));
    ok(drained(), 'delivered');
    is_deeply([sort { $a <=> $b } keys %{{times_seen()}}], \@sent, 'all');

    my $refused = qr/\[emerg\]\ .*"master_process\ off"\ nginx\ can't\ be
                     \ reloaded/x;
    kill HUP => $pid;
    ok(wait_until(sub { $nginx->log =~ $refused }), 'no reload');
    $nginx->expect($refused);

    send_events(1, 'X-Do' => 'wait1');
    $To->wait_for(31);
    kill QUIT => $pid;
    waitpid $pid, 0;
    is($?, 0, 'it ends');
    $nginx->finish;
};

$To->stop;
done_testing();
