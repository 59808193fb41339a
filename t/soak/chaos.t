use strict;
use warnings;

use lib 't/lib';
use Child;
use CountingUpstream;
use Digest::MD5 qw(md5_hex);
use File::Spec ();
use HTTPClient qw(request);
use IO::Socket::INET ();
use JumpingClock;
use LoadClient;
use NginxProcess;
use SmallDisk;
use Test::More;
use Time::HiRes qw(sleep time);

# A queue under load, while everything around it is stopped, restarted, upgraded
# and killed:
#
# - each event that was answered 202 arrives, with its own body, headers and id;
# - none that was answered 503 does;
# - what arrives twice does so because of something that was killed just after
#   it had arrived, and never where nothing is killed.
#
# An event that got no answer at all, because who would have answered was
# killed, may arrive or not.  What upstream has answered 200 has arrived.
#
# $CHAOS_EVENTS and $CHAOS_SECONDS say how many events there are and how long it
# takes to send them.

*wait_until = \&NginxProcess::wait_until;

my $Events = $ENV{CHAOS_EVENTS} || 4000;
my $Seconds = $ENV{CHAOS_SECONDS} || 12;

# Something that was killed explains what had arrived so many seconds before: it
# was not known yet, or not written down, that it had.
my $Window = 0.5;

my $Root = $NginxProcess::Root;
my $Nginx = NginxProcess->new(name => 'chaos');

srand($ENV{CHAOS_SEED} || 1);


# --- the gateway ----------------------------------------------------------

sub configure {
    my (%with) = @_;
    my $port = NginxProcess::port(0);
    my $upstream = NginxProcess::port(1);
    my $size = $with{size} // '1g';

    my $dir = $with{dir} // $Root;
    my $more = $with{more} // '';
    my $deliver = $with{deliver} // '';

    # More attempts than the longest time without upstream needs.
    my $retry = join ' ', ('1s') x 100;

    $Nginx->configure(workers => 2, connections => 1024, http => <<END);
    webhook_queue_path $dir/$with{queue}.db queue=events max_size=$size;
    $more

    server {
        listen 127.0.0.1:$port backlog=1024;

        location = /munity {
            webhook munity;
            webhook_secret right;
            webhook_queue events;
        }

        location \@deliver {
            webhook_deliver events $deliver;
            webhook_retry $retry;

            proxy_pass http://127.0.0.1:@{[$with{to} // $upstream]};
            proxy_set_header X-Id \$webhook_id;
            proxy_set_header X-Attempt \$webhook_attempt;
            proxy_set_header X-Sent \$msec;
            proxy_set_header X-Event \$webhook_event;
            proxy_connect_timeout 2s;
        }

        location /api {
            webhook_api;
            webhook_secret off;
        }
    }
END
}

# number => body: of various lengths, none of them twice
sub body {
    my $n = shift;

    return '{"workspace_id":"w","customer_id":null,"event":"webhook_test",'
           . qq("state":null,"payload":{"test":true,"n":$n,"more":")
           . 'm' x ($n % 50 == 0 ? 20000 : $n % 700) . '"}}';
}


# --- the application ------------------------------------------------------

# Lines: when it arrived, and was sent, status, number, id, attempt, digest of
# the body, what is wrong.  One in a hundred is refused, and comes again.
sub upstream {
    return CountingUpstream->new(
        port => NginxProcess::port(1),
        file => "$Root/logs/$_[0].upstream",
        line => sub {
            my $request = shift;
            my $headers = $request->{headers};
            my ($n) = $request->{body} =~ /"n":(\d+)/;
            my @wrong = grep { defined $headers->{$_} }
                             qw(x-secret authorization cookie);

            push @wrong, 'event'
                if ($headers->{'x-event'} // '') ne 'webhook_test';
            push @wrong, 'trace' if ($headers->{'x-trace'} // '') ne ($n // '');
            push @wrong, 'method' if $request->{method} ne 'POST';
            push @wrong, $request->{path} if $request->{path} ne '/munity?a=b';

            $request->{status} = rand >= 0.01 ? 200 : rand >= 0.5 ? 500 : 503;

            return join ' ', sprintf('%.6f', time), $headers->{'x-sent'},
                        $request->{status},
                        $n // '-', $headers->{'x-id'} // '-',
                        $headers->{'x-attempt'} // '-',
                        md5_hex($request->{body}), @wrong;
        },
        answer => sub { ($_[0]{status}, '', 'Retry-After' => 1) }
    );
}


# --- what is sent, and what becomes of it ---------------------------------

# Lines: number, status, id.  to: each event is for another destination.
sub load {
    my ($name, %with) = @_;

    return LoadClient->new(
        port => NginxProcess::port(0),
        file => "$Root/logs/$name.load",
        %with,
        request => sub {
            my $n = shift;
            return request('POST', '/munity?a=b', body($n),
                           'Content-Type' => 'application/json',
                           'X-Secret' => 'right', 'X-Trace' => $n,
                           $with{to} ? ('X-To' => "$with{to}-$n") : (),
                           Cookie => 'c=1', Authorization => 'Bearer b');
        },
        line => sub {
            my ($n, $status, $body) = @_;
            return "$n 0" if $status == 0;
            return "$n 202 $1"
                if $status == 202
                   && $body =~ /^\{"id":"([0-9a-f-]{36})"\}\n?$/;
            return "$n 503"
                if $status == 503
                   && $body =~ /"reason":"(?:queue_full|store_failed)"/;
            return "$n odd $status $body" =~ s/[\r\n]+/ /gr;
        }
    );
}

# When something was killed: between two times.
my @Killed;

sub killing {
    my $before = time;
    shift->();
    push @Killed, [$before, time];
}

sub kill_worker {
    my @workers = $Nginx->workers;

    $Nginx->replace($workers[rand @workers]) or diag('no new worker');
    push @Killed, $Nginx->{killed};
}

# Lines of upstream and of the load, against each other.
sub compare {
    my ($name, $load, $upstream) = @_;
    my (%answered, %status, %arrived, %id, @wrong, @twice, %blamed);
    my $attempts = 0;

    for (@$load) {
        my ($n, $status, @rest) = split ' ';

        push @wrong, "answered: $_" if $status eq 'odd';
        $answered{$n} = $rest[0] if $status eq '202';
        $status{$n} = $status;
    }

    my %sent = map { $_ => 1 } values %answered;
    push @wrong, 'an id was given twice' if keys %sent != keys %answered;

    for (@$upstream) {
        my ($time, $sent, $status, $n, $id, $attempt, $digest, @bad)
            = split ' ';

        push @wrong, "arrived with the wrong @bad: $_" if @bad;

        if (!defined $status{$n}) {
            push @wrong, "arrived, but was not sent: $_";
            next;
        }

        push @wrong, "another body: $_" if $digest ne md5_hex(body($n));
        push @wrong, "another id: $_" if $id ne ($answered{$n} // $id)
                                         || $id ne ($id{$n} // $id);
        push @wrong, "not an attempt: $_" if $attempt !~ /^[1-9]\d*$/;
        $id{$n} = $id;
        $attempts++;

        push @wrong, "refused, but arrived: $_" if $status{$n} eq '503';
        push @{$arrived{$n}}, [$sent, $time] if $status eq '200';
    }

    for my $n (sort { $a <=> $b } keys %answered) {
        push @wrong, "acknowledged, but did not arrive: $n $answered{$n}"
            if !$arrived{$n};
    }

    my $unexplained = 0;

    for my $n (sort { $a <=> $b } keys %arrived) {
        my @times = @{$arrived{$n}};

        for my $k (1 .. $#times) {
            my ($before, $again) = @times[$k - 1, $k];

            # From when it was sent until it should have been written down that
            # it had arrived; nginx's times may be a little old.
            my ($killed) = grep { $_->[1] > $before->[0] - 0.1
                                  && $_->[0] < $before->[1] + $Window
                                  && $_->[0] < $again->[0] + 0.1 } @Killed;

            push @twice, $n;

            if ($killed) {
                $blamed{$killed->[0]}++;
            } else {
                $unexplained++;
                push @wrong, "arrived twice, at @$before and @$again: $n";
            }
        }
    }

    my %count;
    $count{$_}++ for values %status;

    my $unanswered = grep { $status{$_} eq '0' } keys %arrived;
    my $most = (sort { $b <=> $a } values %blamed)[0] // 0;

    note(sprintf '%s: %d sent, of which %d answered 202, %d 503, %d without an'
                 . ' answer, of which %d arrived; %d requests upstream',
                 $name, scalar keys %status, $count{202} // 0, $count{503} // 0,
                 $count{0} // 0, $unanswered, $attempts);
    note(sprintf '%s: %d arrived again, at most %d for one of %d kills; %d'
                 . ' unexplained', $name, scalar @twice, $most, scalar @Killed,
                 $unexplained);

    is(scalar @wrong, 0,
       "$name: what was acknowledged has arrived, and nothing else")
        or diag(scalar(@wrong) . ":\n"
                . join "\n", grep { defined } @wrong[0 .. 19]);

    return (202 => $count{202} // 0, 503 => $count{503} // 0,
            unanswered => $unanswered, twice => scalar @twice);
}

# Waits until what was acknowledged has arrived; false if nothing has for half
# a minute.
sub arrived {
    my ($load, $upstream) = @_;
    my %missing = map { /^(\d+) 202 / ? ($1 => 1) : () } @$load;
    my $position = 0;

    while (%missing) {
        my @new;

        wait_until(sub { @new = $upstream->lines(\$position) }) or return;
        delete @missing{map { /^\S+ \S+ 200 (\d+) / ? $1 : () } @new};
        sleep 0.05;
    }

    # What would come a second time comes now.
    sleep 1.5;

    return 1;
}

# The queue says so as well.
sub empty {
    my $body = '';

    ok(wait_until(sub {
        my $answer = NginxProcess::Client->new
                         ->request(GET => '/api/queues/events') or return;
        $body = $answer->{body};
        return $body =~ /"waiting":0,"dead":0,/;
    }, 5), 'nothing is waiting, and nothing is dead') or diag($body);
}

# While the load is being sent, calls each sub at random times, about so many
# seconds apart.
sub meanwhile {
    my ($load, %every) = @_;
    my %next = map { $_ => time + $every{$_}[0] * rand } keys %every;
    my $start = time;
    my (%count, %took);

    while ($load->running) {
        for (keys %next) {
            next if time < $next{$_};

            my $began = time;
            $every{$_}[1]->();
            $count{$_}++;
            $took{$_} += time - $began;
            $next{$_} = time + $every{$_}[0] * (0.5 + rand);
        }

        sleep 0.02;
    }

    note(sprintf '%.1f seconds: %s', time - $start, join ', ',
         map { sprintf '%d %s (%.1f s)', $count{$_}, $_, $took{$_} }
             sort keys %count);
}

sub reload { $Nginx->reload(keep => 1) or diag('no new workers') }

sub upgrade {
    my $old = $Nginx->master;

    $Nginx->upgrade;
    kill QUIT => $old;
    wait_until(sub { !NginxProcess::alive($old) })
        or diag('the old master is still there');
}


# --- tests ----------------------------------------------------------------

my $First = 1;

# A part of the events; rate: in a second
sub part {
    my ($name, $share, %with) = @_;
    my $n = int($Events * $share);
    my $load = load($name, rate => $Events / $Seconds, %with);

    $load->start($First, $First + $n - 1);
    $First += $n;

    return $load;
}

subtest 'nothing is killed: nothing arrives twice' => sub {
    my $upstream = upstream('calm');
    my $upgraded;

    configure(queue => 'calm');
    $upstream->start;
    $Nginx->start;

    my $load = part('calm', 0.3);

    meanwhile($load,
        reload => [1, \&reload],
        upgrade => [$Seconds / 10, sub { $upgraded++ or upgrade() }]);

    my @load = $load->finish;
    ok(arrived(\@load, $upstream), 'all has arrived');

    empty();

    my %count = compare('calm', \@load, [$upstream->lines]);
    cmp_ok($count{202}, '>', @load * 0.9, 'most were acknowledged');
    is($count{twice}, 0, 'nothing arrived twice');
    is($count{unanswered}, 0, 'nor without having been answered');
    ok($upgraded, 'the binary was upgraded');

    ok($Nginx->stop('QUIT'), 'it quits');
    $upstream->stop;
};

subtest 'everything is killed at random' => sub {
    my $upstream = upstream('chaos');
    my ($mastered, $upgraded);

    @Killed = ();

    configure(queue => 'chaos');
    $upstream->start;
    $Nginx->start;

    my $load = part('chaos', 0.6);

    meanwhile($load,
        reload => [1.5, \&reload],
        worker => [0.7, \&kill_worker],
        upstream => [0.7, sub {
            if ($upstream->running) {
                killing(sub { $upstream->kill });
            } else {
                $upstream->start;
            }
        }],
        master => [$Seconds / 6, sub {
            return if $mastered++;
            killing(sub { $Nginx->stop('KILL') });
            $Nginx->start;
        }],
        upgrade => [$Seconds / 6, sub { $upgraded++ or upgrade() }]);

    $upstream->start if !$upstream->running;

    my @load = $load->finish;
    ok(arrived(\@load, $upstream), 'all has arrived');

    empty();

    my %count = compare('chaos', \@load, [$upstream->lines]);
    cmp_ok($count{202}, '>', @load * 0.7, 'most were acknowledged');
    ok($mastered, 'the master was killed');
    ok($upgraded, 'the binary was upgraded');

    # What has arrived does not come again, whatever is started anew.
    my $lines = () = $upstream->lines;
    $Nginx->stop;
    $Nginx->start;
    sleep 1.5;
    is(scalar(() = $upstream->lines), $lines,
       'nothing of it is left after a restart');

    $Nginx->stop;
    $upstream->stop;
};

# A disk that fills and empties, a clock that jumps by days while the application
# is down, readers that are killed, whoever delivers stopped for a while, and
# hundreds of destinations that take events and do not answer.
subtest 'a bad night' => sub {
    my $disk = SmallDisk->mount('64m') or plan(skip_all => $SmallDisk::Why);
    my $clock = JumpingClock->new or plan(skip_all => $JumpingClock::Why);
    my ($copy) = grep { -x "$_/mdb_copy" } File::Spec->path;
    my $hanging = NginxProcess::port(2);
    my $upstream = upstream('night');
    my ($days, %done) = (0);

    @Killed = ();

    configure(queue => 'night', dir => $disk->{path}, to => '$to',
              deliver => 'destination=$http_x_to timeout=3s',
              more => "map \$http_x_to \$to {"
                      . " default @{[NginxProcess::port(1)]};"
                      . " ~^hang $hanging; }");

    local $Nginx->{command} = [$clock->command];
    my $never = Child::start('never', sub {
        my $socket = IO::Socket::INET->new(Listen => 1024, ReuseAddr => 1,
                                           LocalAddr => '127.0.0.1',
                                           LocalPort => $hanging)
                     or die "listen $hanging: $!";
        sleep 3600;
    });

    $upstream->start;
    $Nginx->start;

    # They come first, and stay until somebody answers.
    my $first = $First;
    my @stuck = part('stuck', 300.5 / $Events, to => 'hang')->finish;
    is(scalar(grep { / 202 / } @stuck), 300, '300 destinations hang');

    my $load = part('night', 0.3);

    # A full disk is when it is not written down that an event has arrived.
    my $full = sub {
        my $before = time;
        $disk->fill;
        sleep 0.3 + rand;
        $disk->empty;
        push @Killed, [$before, time];
        $done{disk}++;
    };

    meanwhile($load,
        disk => [2, $full],
        days => [2, sub {
            return if $days >= 3;
            killing(sub { $upstream->kill }) if $upstream->running;
            $clock->jump(86400 * ++$days);
            sleep 1;
            $upstream->start;
            $done{days}++;
        }],
        back => [4, sub {
            $clock->jump(86400 * $days - 3600);
            sleep 0.5;
            $clock->jump(86400 * $days);
        }],
        stopped => [3, sub {
            my ($worker) = sort { rand() <=> 0.5 } $Nginx->workers;
            kill STOP => $worker;
            sleep 1 + rand;
            kill CONT => $worker;
            $done{stopped}++;
        }],
        reader => [2, sub {
            return if !$copy;
            my $pid = open my $pipe, '-|', 'mdb_copy', '-n',
                                           "$disk->{path}/night.db" or return;
            sleep 0.2;
            kill KILL => $pid;
            close $pipe;
            $done{readers}++;
        }],
        worker => [3, \&kill_worker]);

    my @load = $load->finish;
    ok(arrived(\@load, $upstream), 'all of the healthy ones has arrived');
    ok($done{$_}, "$_: $done{$_}") for 'disk', 'days', 'stopped';

    my %count = compare('night', [@stuck, @load], [$upstream->lines, map {
        # These have not arrived yet.
        my ($n, $id) = /^(\d+) 202 (\S+)/;
        join ' ', time, time, 200, $n, $id, 1, md5_hex(body($n));
    } grep { / 202 / } @stuck]);
    cmp_ok($count{202}, '>', @load / 2, 'most were acknowledged');

    # At last they answer: what is counted there is what was stuck.
    Child::stop($never);
    my $there = CountingUpstream->new(
        port => $hanging, file => "$Root/logs/stuck.upstream",
        line => sub { $_[0]{body} =~ /"n":(\d+)/ ? $1 : '?' })->start;

    my %came;
    ok(wait_until(sub {
           %came = map { $_ => 1 } $there->lines;
           return keys %came == @stuck;
       }, 120), 'and what was for those that hung');
    is_deeply([sort { $a <=> $b } keys %came],
              [$first .. $first + $#stuck], 'each of them');

    empty();

    ok($Nginx->stop('QUIT'), 'it quits');
    $upstream->stop;
    $there->stop;
};

subtest 'the queue is full' => sub {
    my $upstream = upstream('full');

    @Killed = ();

    # Nobody takes anything, and there is room for half of it at most.
    configure(queue => 'full', size => 128 + int($Events / 50) . 'k');
    $Nginx->start;

    my $load = part('full', 0.1, rate => 0);

    meanwhile($load, worker => [0.2, \&kill_worker]);

    my @load = $load->finish;
    $upstream->start;
    ok(arrived(\@load, $upstream), 'all has arrived');

    empty();

    my %count = compare('full', \@load, [$upstream->lines]);
    cmp_ok($count{202}, '>', 0, 'some were acknowledged');
    cmp_ok($count{503}, '>', 0, 'and others refused');

    # There is room again for a few.
    $load = part('room', 60 / $Events);
    my @more = $load->finish;
    ok(arrived(\@more, $upstream), 'what is sent then arrives');
    is(scalar(grep { / 202 / } @more), scalar @more, 'all of it');

    $upstream->stop;
};

$Nginx->expect(
    # the queue is full
    qr/\[crit\].* webhook queue "events" is full: an event was refused$/,
    # the disk is full, a destination hangs, or who delivers was stopped
    qr/\[crit\].*"\S+night\.db" could not be written: No space left/,
    qr/\[crit\].* webhook queue "events" is not delivered: process \d+,/,
    qr/\[error\].*\ (?:upstream\ timed\ out|delivery\ has\ taken\ too\ long)\ .*
       \ webhook\ delivery/x,
    qr/\[error\].* webhook queue "events": destination \w+ is failing/,
    # the application is not there, or is killed
    qr/\[error\].* upstream prematurely closed connection .* webhook delivery/,
    qr/\[error\].*\(\) failed \((?:32|104|111): .* upstream, webhook delivery/,
);

$Nginx->finish;
done_testing();
