use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use QueueTest qw(config nginx event send_event send_events client waiting drained
                 numbers sorted);
use DeliverTest;
use Test::More;

use Time::HiRes qw(sleep time);

# An event that was acknowledged is delivered at least once, whatever happens to
# nginx's processes meanwhile.

*wait_until = \&NginxProcess::wait_until;

subtest 'one worker delivers what all have taken' => sub {
    my $nginx = nginx('workers', workers => 4, @Pid,
                      hook => 'add_header X-By $pid always;');
    $To->forget;

    my $load = load_events(8);
    sleep 1.5;
    verify([$load->stop]);

    my %by = map { $_ => 1 } deliverers($To->seen);
    is(scalar keys %by, 1, 'one');

    # Whoever takes it, it comes at once.
    my @workers = $nginx->workers;
    for my $pid (@workers) {
        $To->forget;
        my $from = time;
        my $by;

        # while those are stopped that neither take nor deliver it
        NginxProcess::only($pid, [grep { !$by{$_} } @workers, $pid], sub {
            for (1 .. 100) {
                my $answer = send_event(client(), 'X-Do' => '200');
                last if ($by = $answer->{headers}{'x-by'}) == $pid;
            }
        });

        is($by, $pid, 'taken by one of them');
        ok(drained(), 'and delivered');
    }

    $nginx->finish;
};

subtest 'the delivering worker is killed' => sub {
    my $nginx = nginx('kill', workers => 3, @Pid, retry => '1h');
    $To->forget;

    # Some are under way, some wait.
    my @sent = send_events(30, 'X-Do' => 'hang, 200');
    my @seen = $To->wait_for(16);
    is(scalar @seen, 16, 'under way');
    my ($by) = deliverers(@seen);

    my $from = time;
    $nginx->replace($by);
    @seen = $To->wait_for(16 + 30);
    my @after = @seen[16 .. $#seen];
    my ($first) = @after;

    cmp_ok($first->{time} - $from, '<', 2.5, 'another one takes over');
    isnt($first->{headers}{'x-pid'}, $by, 'that is another one');
    is(scalar(grep { $_->{headers}{'x-attempt'} != 1 } @after), 0,
       'who knows of no attempt');
    $To->forget;

    # Those that were not under way have just begun to hang.
    is_deeply(sorted(numbers(@after)), \@sent, 'all of them come again');
    ok(wait_until(sub { waiting() == 14 }), 'the others are delivered');

    $nginx->stop('KILL');
    $To->forget;
    $nginx->start;
    ok(drained(), 'those that hung are delivered after a start');
    is($To->count, 14, 'and only they');
    $nginx->finish;
};

subtest 'kill -9 of workers under load' => sub {
    my $nginx = nginx('kill-load', workers => 3, @Pid);
    $To->forget;

    my $load = load_events(6);
    my $kills = 5;

    for (1 .. $kills) {
        sleep 0.3 + rand 1.2;
        my @seen = $To->seen;
        my ($by) = deliverers(reverse @seen);
        my @workers = $nginx->workers;
        $nginx->replace((grep { $_ == ($by // 0) } @workers) ? $by
                                                    : $workers[rand @workers])
            or fail('a new worker');
    }

    # What had been answered and not been committed is delivered again: no more
    # than can be under way, and as much again that is being committed.
    verify([$load->stop], twice => $kills * (16 + 200));
    $nginx->finish;
};

subtest 'kill -9 of all under load, and start' => sub {
    my $nginx = nginx('kill-all');
    $To->forget;
    my @results;

    for my $round (1 .. 2) {
        my $load = load_events(4);
        sleep 1 + rand 0.5;
        $To->wait_for(4);
        $nginx->stop('KILL');
        my @some = $load->stop;

        # Numbers begin anew.
        for (map { @$_ } @some) { $_->[0] += 100000 * ($round - 1) }
        push @results, @some if $round == 1;
        $nginx->start;
        verify(\@some, twice => 216) if $round == 1;
        ok(drained(), 'drained');
        $To->forget if $round == 1;
    }

    $nginx->finish;
};

$To->stop;
done_testing();
