use strict;
use warnings;

use IO::Socket::INET ();
use NginxProcess;
use Time::HiRes qw(sleep time);

# The case "turn" of util/bench: see bench/cases/turn.sh.

my $Events = $ENV{TURN_EVENTS} || 200_000;
my $Destinations = $ENV{TURN_DESTINATIONS} || 100_000;
my $Large = ($ENV{TURN_BODY} || 50) * 1024 * 1024;

my $Root = $NginxProcess::Root;
my ($Port, $Up, $Down) = map { NginxProcess::port($_) } 0 .. 2;
my $Turns = "$Root/turns";
my $Place = 5 * 8;

$ENV{TURNS} = $Turns;
NginxProcess::write_file($Turns, "\0" x (64 * $Place));

my $Nginx = NginxProcess->new(name => 'turn', command =>
    ['env', "LD_PRELOAD=$ENV{TURN_LIBRARY}", "TURNS=$Turns"]);

# to: where events go; they are answered 410 or 200 there, or nobody listens
sub configure {
    my %with = (to => $Down, answer => 410, keep => '30d', @_);

    $Nginx->configure(workers => 1, connections => 4096,
                      main => 'worker_rlimit_nofile 8192;', http => <<"END");
    webhook_queue_path $Root/q.db queue=q max_size=16g keep_dead=$with{keep};
    webhook_queue_path $Root/large.db queue=large max_size=1g;
    client_max_body_size 1g;

    server {
        listen 127.0.0.1:$Port backlog=1024;

        location = /munity {
            webhook munity;
            webhook_secret off;
            webhook_queue q;
            keepalive_requests 100000000;
        }

        # nobody delivers it
        location = /large {
            webhook munity;
            webhook_secret off;
            webhook_queue large;
        }

        location /api/ { webhook_api; webhook_secret off; }

        location \@deliver {
            webhook_deliver q concurrency=64 destination=\$http_x_to;
            webhook_retry 1h 1h 1h;
            proxy_pass http://127.0.0.1:$with{to};
        }
    }

    server {
        listen 127.0.0.1:$Up backlog=4096;
        return $with{answer};
    }
END
}

sub restart {
    configure(@_);
    $Nginx->stop('QUIT');
    $Nginx->start;
}

sub ask {
    my ($method, $uri) = @_;
    my $client = NginxProcess::Client->new(timeout => 600);
    my $answer = $client->request($method, "/api$uri",
                                  $method eq 'POST' ? '' : undef);
    return $answer ? $answer->{body} : '';
}

sub gauge {
    my $name = shift;
    return ask(GET => '/queues/q') =~ /"$name":(\d+)/ ? $1 : -1;
}

sub until_it_is {
    my ($name, $test) = @_;
    NginxProcess::wait_until(sub { $test->(gauge($name)) }, 600)
        or die "$name is " . gauge($name);
}

sub body {
    return '{"workspace_id":"w","customer_id":null,"event":"webhook_test","state":null,'
           . '"payload":{"test":true,"more":"' . 'x' x $_[0] . '"}}';
}

# Sends events over connections of a process of its own, and waits for the
# answers; to: each has a destination of its own.
sub send_events {
    my ($n, %with) = @_;
    my $body = body(400);
    my @pids;

    for my $part (0 .. 15) {
        my $pid = fork // die "fork: $!";
        if ($pid) { push @pids, $pid; next }

        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $Port)
            or POSIX::_exit(1);

        for (my $i = $part; $i < $n; $i += 16) {
            my $to = $with{to} ? "X-To: $i\r\n" : '';
            print $socket "POST /munity HTTP/1.1\r\nHost: x\r\n",
                          "Content-Type: application/json\r\n${to}",
                          'Content-Length: ', length $body, "\r\n\r\n", $body;
            $socket->flush;

            my ($answer, $len) = ('');
            while (defined(my $line = <$socket>)) {
                $answer ||= $line;
                $len = $1 if $line =~ /^Content-Length: (\d+)/i;
                last if $line eq "\r\n";
            }
            my $rest;
            read $socket, $rest, $len;
            warn($rest), POSIX::_exit(1) if $answer !~ / 202 /;
        }

        POSIX::_exit(0);
    }

    for (@pids) {
        waitpid $_, 0;
        die 'an event was not taken' if $?;
    }
}

# What the turns were since the last time, of all workers.
sub turns {
    my $text = NginxProcess::read_file($Turns);
    my ($n, $clock, $cpu, $above) = (0) x 4;

    open my $file, '+<:raw', $Turns or die "$Turns: $!";

    for (my $at = 0; $at < length $text; $at += $Place) {
        my (undef, $turns, $longest, $busiest, $over)
            = unpack 'Q5', substr $text, $at, $Place;
        $n += $turns;
        $above += $over;
        $clock = $longest if $longest > $clock;
        $cpu = $busiest if $busiest > $cpu;
        seek $file, $at + 8, 0;
        print $file "\0" x ($Place - 8);
        $file->flush;
    }

    return ($n, $cpu / 1e6, $clock / 1e6, $above);
}

sub measured {
    my ($what, $sub) = @_;
    my $began = time;

    turns();
    my $note = $sub->();
    my ($n, $cpu, $clock, $above) = turns();

    printf "%-34s %9.1f %9.1f %7d %9d %8.1f  %s\n", $what, $cpu, $clock,
           $above, $n, time - $began, $note // '';
}

# The share of a processor that the worker takes while nothing is asked.
sub idle {
    my ($worker) = $Nginx->workers;
    my $ticks = sub {
        my @f = split ' ', NginxProcess::read_file("/proc/$worker/stat") =~
            s/.*\)//sr;
        return $f[11] + $f[12];
    };
    my $before = $ticks->();
    sleep 10;
    return sprintf '%.1f %% of a processor', ($ticks->() - $before) / 10;
}

sub pages {
    my ($after, $n) = ('', 0);

    while (1) {
        my $page = ask(GET => "/queues/q/dead?limit=1000$after");
        my @ids = $page =~ /\{"id":"([^"]+)"/g or last;
        $n += @ids;
        $after = "&after=$ids[-1]";
    }

    return "$n listed";
}

printf "%-34s %9s %9s %7s %9s %8s\n", '', 'processor', 'clock', '> 10 ms',
       'turns', 'seconds';

configure();
$Nginx->start;

measured("$Events come, and wait", sub { send_events($Events) });
measured('they wait', \&idle);

restart(to => $Up);
measured('they die', sub { until_it_is(dead => sub { $_[0] >= $Events });
                           return });
measured('they are listed', \&pages);

restart(to => $Down);
measured('they are replayed',
         sub { ask(POST => '/queues/q/dead/replay');
               until_it_is(waiting => sub { $_[0] >= $Events });
               return });

restart(to => $Up);
until_it_is(dead => sub { $_[0] >= $Events });
restart(to => $Down, keep => '1s');
measured('they expire', sub { until_it_is(dead => sub { $_[0] == 0 });
                              return });

measured("$Destinations destinations fail",
         sub { send_events($Destinations, to => 1) });
measured('they wait', \&idle);

restart(to => $Up, answer => 200);
measured('they are well again',
         sub { until_it_is(waiting => sub { $_[0] == 0 }); return });

restart(to => $Down);
my $large = body($Large);
my $id;

sub send_large {
    my $answer = NginxProcess::Client->new->request(
        POST => $_[0], $large, 'Content-Type' => 'application/json');
    ($id) = $answer->{body} =~ /"id":"([^"]+)"/ or die 'it was not taken';
    return;
}

measured("an event of @{[$Large >> 20]} MB comes", sub { send_large('/large') });
measured('it is looked at', sub {
    return length(ask(GET => "/queues/large/events/$id")) . ' bytes';
});
measured('another one is attempted',
         sub { send_large('/munity'); sleep 3; return });

$Nginx->stop;
