use strict;
use warnings;

use lib 't/lib';
use Answers qw(refused);
use CountingUpstream;
use Digest::SHA qw(hmac_sha256_hex);
use HTTPClient qw(answer chunks data dial dial2 frame head headers put
                  reset_stream request);
use NginxProcess;
use Registrations;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep time);

# A whole gateway, of all systems, against those who mean no good and those who
# run out of something.  After each abuse:
#
# - each gate answers, accepted and refused, in each worker, over HTTP/1.1 and
#   HTTP/2;
# - each registration that was acknowledged is there, each that was refused is
#   not, also after all processes have been ended or killed; each event that was
#   acknowledged by the queue has been delivered;
# - no half of a request has reached the application;
# - the workers have as many descriptors open as before, and no more memory than
#   after the first rounds of the same abuse;
# - nothing has been logged that is not expected: what nginx itself says of an
#   abuse is named where the abuse is.
#
# $ABUSE is how many times as much of it there is: 1 by default.

*wait_until = \&NginxProcess::wait_until;

my $Scale = $ENV{ABUSE} || 1;
my $Rounds = 2 + int(log($Scale) / log(2));

my $Root = $NginxProcess::Root;
my $Sanitizer = $ENV{ASAN_OPTIONS} || $NginxProcess::Slowness > 1;

# of connections; everything takes longer under sanitizers
my $Many = $Scale * ($Sanitizer ? 0.3 : 1);

my ($Port, $Port2) = map { NginxProcess::port($_) } 0, 2;

# Kilobytes that a heap may grow by in the second half of the rounds: it takes
# some of them until a worker has had the most that it can get at a time.
my $Slack = 1024;

my $Key = 'of-the-repository';
my $User = '6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d';

my $Upstream = CountingUpstream->new(
    port => NginxProcess::port(1),
    file => "$Root/logs/upstream",
    line => sub {
        my $request = shift;
        return "$request->{path} "
               . ($request->{body} =~ /"(tag-[\w-]+)"/ ? $1 : '-');
    }
);

my @Mounted;

END {
    local $?;
    system 'umount', '-l', $_ for @Mounted;
}


# --- the gateway ----------------------------------------------------------

my ($Nginx, $Hook, @Results);

# tag => whether an event with it was taken by the queue, or refused; undefined:
# nobody knows
my %Queued;

# with: see NginxProcess; zone: its size; state: a folder for it and the queue;
# patience: with clients; more: in http {}
sub gateway {
    my ($name, %with) = @_;
    my $upstream = NginxProcess::port(1);
    my $zone = $with{zone} // '32m';
    my $state = $with{state} // $Root;
    my $patience = $with{patience} // '2s';
    my $more = $with{more} // '';
    my $retry = join ' ', ('1s') x 60;

    $Nginx = NginxProcess->new(name => $name, command => $with{command});
    @Results = ();
    %Queued = ();

    $Nginx->configure(connections => 1024, %with, http => <<END);
    webhook_zone zone=hooks:$zone state=$state/$name.db;
    webhook_queue_path $state/$name-queue.db queue=events;
    webhook_app $App environment=1 token=t0ken;

    server_tokens off;
    client_header_timeout $patience;
    client_body_timeout $patience;
    client_body_buffer_size 16k;
    client_max_body_size 4m;
    lingering_timeout 1s;
    proxy_connect_timeout 5s;
    $more

    server {
        listen 127.0.0.1:$Port backlog=1024;
        listen 127.0.0.1:$Port2 http2;

        location = /ready {
            return 200 \$pid;
        }

        location /luzmo/ {
            webhook luzmo;
            webhook_secret right;
            proxy_pass http://127.0.0.1:$upstream;
        }

        location = /munity {
            webhook munity;
            webhook_secret right;
            proxy_pass http://127.0.0.1:$upstream;
        }

        location = /github {
            webhook signed;
            webhook_signature github $Key;
            proxy_pass http://127.0.0.1:$upstream;
        }

        location = /queue {
            webhook munity;
            webhook_secret right;
            webhook_queue events;
        }

        location \@deliver {
            webhook_deliver events;
            webhook_retry $retry;
            proxy_pass http://127.0.0.1:$upstream;
        }

        location /api {
            webhook_api;
            webhook_secret off;
        }

        location /app/ {
            webhook lenra zone=hooks;
        }

        location /apps/ {
            webhook lenra zone=hooks;
            add_header X-Action \$webhook_action always;
            proxy_pass http://127.0.0.1:$upstream;
        }
    }
END

    $Nginx->start;

    $Hook = uuid(create(client(), 'standing'));
    push @Results, [[200, $Hook, 'standing']];
}

# Ends it; afterwards, and after all of it has been killed, all is there.
sub end_gateway {
    $Nginx->stop;
    $Nginx->start;
    acknowledged('after a restart');

    $Nginx->stop('KILL');
    $Nginx->start;
    acknowledged('after kill -9 of all');
    answers();

    $Nginx->finish;
}

# The arguments of request() for an event, whose tag upstream writes down.
my %Event = (
    luzmo => sub {
        return ('POST', '/luzmo/data_updated',
                qq({"slug":"acme","user_id":"$User","key":"$User",)
                . qq("dataset_id":"$_[0]"$_[1]}), 'X-Secret' => 'right', @Json);
    },
    munity => sub {
        return ('POST', '/munity', '{"workspace_id":"w","customer_id":null,'
                . '"event":"webhook_test","state":null,'
                . qq("payload":{"test":true,"x":"$_[0]"$_[1]}}),
                'X-Secret' => 'right', @Json);
    },
    github => sub {
        my $body = qq({"x":"$_[0]"$_[1]});
        return ('POST', '/github', $body, @Json, 'X-Hub-Signature-256' =>
                'sha256=' . hmac_sha256_hex($body, $Key));
    },
    trigger => sub {
        return ('POST', "/apps/$App/webhooks/$Hook", qq({"x":"$_[0]"$_[1]}),
                @Json);
    },
    queue => sub {
        return ('POST', '/queue', '{"workspace_id":"w","customer_id":null,'
                . '"event":"webhook_test","state":null,'
                . qq("payload":{"test":true,"x":"$_[0]"$_[1]}}),
                'X-Secret' => 'right', @Json);
    },
    create => sub {
        return ('POST', '/app/webhooks', qq({"action":"$_[0]"$_[1]}), @Token,
                @Json);
    },
);

my @Passed = qw(luzmo munity github trigger);
my @All = (@Passed, 'queue', 'create');

# one that no other event has
my $Tags = 0;
sub tag { return 'tag-' . ++$Tags }

# $more: bytes that the body has beyond what it needs
sub event {
    my ($gate, $tag, $more) = @_;
    return $Event{$gate}->($tag, $more ? ',"more":"' . 'm' x $more . '"' : '');
}

# What is answered to it, by the application.
sub passed {
    my ($gate, @event) = @_;
    return "200 $event[2]" if $gate ne 'trigger';
    return qq(200 {"action":"standing","props":null,"event":$event[2]});
}

# Whether the answer to an event is right; what was acknowledged is kept in
# mind, by its tag.
sub right {
    my ($gate, $tag, $event, $answer) = @_;

    if ($gate eq 'queue') {
        $Queued{$tag} = $answer =~ /^202 \{"id":"[0-9a-f-]{36}"\}\z/ ? 1
                        : $answer =~ /^503 / ? 0 : undef;
        return $Queued{$tag};
    }

    if ($gate eq 'create') {
        return if $answer !~ /^200 \{"uuid":"([^"]+)"/;
        return push @Results, [[200, $1, $tag]];
    }

    return $answer eq passed($gate, @$event);
}

# What is answered to one that is refused.
my @Refused = do {
    my @luzmo = $Event{luzmo}->('tag-refused', '');
    my @munity = $Event{munity}->('tag-refused', '');
    my @github = $Event{github}->('tag-refused', '');

    (['luzmo, without its secret', [@luzmo[0 .. 2], @Json],
      refused(luzmo => 'missing_secret')],
     ['munity, not JSON', [@munity[0, 1], "$munity[2]]", @munity[3 .. 6]],
      refused(problem => 'invalid_json', offset => length $munity[2])],
     ['github, of another body', [@github[0, 1], '{}', @github[3 .. 6]],
      refused(problem => 'invalid_signature')],
     ['lenra, triggered', ['POST', "/apps/$App/webhooks/$User", '{}', @Json],
      refused(lenra => 404, 'Not Found.', 'error_404')],
     ['lenra, created', ['POST', '/app/webhooks', '{}', @Json],
      refused(lenra => 401, 'You are not authenticated', 'unauthenticated')]);
};

# Each gate's answers are right, in each worker.
sub answers {
    my ($name) = @_;
    my @workers = $Nginx->workers;
    my @wrong;

    # A worker that is stopped below must not be writing to a file.
    ok(wait_until(sub {
        my $answer = client()->request(GET => '/api/queues/events') or return;
        return $answer->{body} =~ /"waiting":0,/;
    }), 'nothing is waiting in the queue');

    for my $pid (@workers) {
        NginxProcess::only($pid, \@workers, sub {
            my $socket = dial($Port);
            my $is = sub {
                my ($gate, $got, $expected) = @_;
                push @wrong, "$gate: $got, not $expected" if $got ne $expected;
            };

            put($socket, request('GET', '/ready'));
            $is->('pid', answer($socket), "200 $pid");

            for my $gate (@Passed) {
                my @event = event($gate, 'tag-answers');
                put($socket, request(@event));
                $is->($gate, answer($socket), passed($gate, @event));
            }

            for (@Refused) {
                my ($gate, $event, $expected) = @$_;
                put($socket, request(@$event));
                $is->($gate, answer($socket), $expected);
            }

            my $client = client();
            my $uuid = uuid(create($client, 'for-a-moment'));
            $is->('create', defined $uuid ? 'made' : 'not', 'made');
            $uuid //= $User;
            $is->('trigger', answered(trigger($client, $uuid)),
                  '200 for-a-moment');
            $is->('remove', answered(remove($client, $uuid)), '204');
            $client->close;

            my $http2 = dial2($Port2);
            my $stream = 1;

            for my $gate (@Passed) {
                my ($method, $path, $body, @header) = event($gate, 'tag-2');
                put($http2, headers($stream, $method, $path, 0, @header),
                            data($stream, $body, 1));
                $is->("$gate, HTTP/2", HTTPClient::answer2($http2, $stream),
                      passed($gate, $method, $path, $body));
                $stream += 2;
            }

            close $http2;
        });
    }

    my $tag = tag();
    my @event = event('queue', $tag);
    my $socket = dial($Port);
    put($socket, request(@event));
    my $answer = answer($socket);
    push @wrong, "queue: $answer" if !right('queue', $tag, \@event, $answer);

    is(scalar @wrong, 0, $name // 'each gate answers, in each worker')
        or diag(join "\n", grep { defined } @wrong[0 .. 9]);
}

sub acknowledged {
    my ($name) = @_;
    verify(\@Results, lost => 1, refused => 1, least => 1, sample => 100,
           name => "what was acknowledged is there, nothing else: $name");

    my %missing = map { $_ => 1 } grep { $Queued{$_} } keys %Queued;
    my $n = keys %missing;
    my ($position, $refused) = (0, 0);

    ok(wait_until(sub {
        for ($Upstream->lines(\$position)) {
            my ($tag) = /^\/queue (\S+)/ or next;
            delete $missing{$tag};
            $refused++ if defined $Queued{$tag} && !$Queued{$tag};
        }

        return !%missing;
    }), "all of $n from the queue has been delivered: $name")
        or diag(scalar(keys %missing) . ', such as ' . (keys %missing)[0]);

    is($refused, 0, 'and nothing that was refused') if $refused;
}

# What upstream got that it should not have.
sub upstream_got {
    my ($pattern) = @_;
    return scalar grep { $_ =~ $pattern } $Upstream->lines;
}

# Descriptors of the master and of its workers, once they are as many as they
# should be, or have been the same for a while.
sub descriptors {
    my $like = shift;
    my ($now, $same) = ('', 0);

    wait_until(sub {
        my $before = $now;

        # The worker that delivers, which has more, may be another one.
        my ($master, @workers) = map { NginxProcess::descriptors($_) // -1 }
                                     $Nginx->master, $Nginx->workers;
        $now = join ' ', $master, sort { $a <=> $b } @workers;
        $same = $now eq $before ? $same + 1 : 0;

        return defined $like ? $now eq $like : $same == 30;
    }, 10);

    return $now;
}

# Memory of the same processes, by their ids.
sub memory {
    return map { $_ => NginxProcess::memory($_) // 0 }
               $Nginx->master, $Nginx->workers;
}

# An abuse, so many times over; then the gateway is as it was before.
sub abuse {
    my ($name, $sub) = @_;

    subtest $name => sub {
        my $start = time;
        my (%first, %last);

        answers('each gate answers, before');
        my $before = descriptors();

        for my $round (1 .. $Rounds) {
            $sub->($round);
            is(descriptors($before), $before,
               "round $round: no more descriptors, and no less");

            %last = memory();
            %first = %last if $round <= $Rounds / 2;
        }

        answers();
        acknowledged('while it runs');
        is(upstream_got(qr/tag-half/), 0, 'no half of a request went upstream');

        # Of those that have not been replaced, as the master has not.
        cmp_ok($last{$_}, '<=', $first{$_} + $Slack, "$_: no more memory")
            for $Sanitizer ? () : sort { $a <=> $b }
                                  grep { defined $first{$_} } keys %last;

        my @unexpected = $Nginx->unexpected;
        is(scalar @unexpected, 0, 'nothing unexpected in the log')
            or diag(join "\n", grep { defined } @unexpected[0 .. 9]);

        note(sprintf 'memory: %s kB, then %s kB; %.1f seconds',
                     join(' ', map { $first{$_} } sort keys %first),
                     join(' ', map { $last{$_} } sort keys %last),
                     time - $start);
    };
}


# --- clients --------------------------------------------------------------

# Ends a connection in such a way that nginx reads an error.
sub abort {
    my $socket = shift;
    $socket->setsockopt(SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0);
    close $socket;
}

# What is sent may be more than somebody reads who has closed already.
sub put_quietly {
    my ($socket, $text) = @_;
    local $SIG{PIPE} = 'IGNORE';
    return put($socket, $text);
}

# nginx's own
sub page {
    my ($status, $title, @more) = @_;

    return substr($status, 0, 3) . ' ' . join "\r\n", '<html>',
        '<head><title>' . ($title // $status) . '</title></head>', '<body>',
        "<center><h1>$status</h1></center>",
        map({ "<center>$_</center>" } @more),
        '<hr><center>nginx</center>', '</body>', '</html>', '';
}

# A step of NginxProcess::load(): events for the gates in turn, each on a
# connection of its own if $close; gives what was not answered as it should be,
# 200, or 202 and a tag.
sub events {
    my ($close) = @_;
    my @gates = (@Passed, 'queue');

    return sub {
        my ($n, $client, $k) = @_;
        my $gate = $gates[$k % @gates];
        my $tag = "tag-load-$$-$k";
        my ($method, $path, $body, %header) = event($gate, $tag,
                                                    $k % 7 ? 0 : 30000);

        $client->close if $close;

        my $answer = $client->request($method, $path, $body, %header)
                     or return 'lost';
        my $got = "$answer->{status} $answer->{body}";

        return right($gate, $tag, [$method, $path, $body], $got)
               ? $gate eq 'queue' ? (202, $tag) : 200
               : substr "$gate: $got", 0, 100;
    };
}

# One for registrations, whose names no other one has.  Who is refused waits a
# little.
my $Names = 0;

sub creations {
    my $step = churn(@_, name => 'c' . ++$Names . '-');

    return sub {
        my @line = $step->(@_);
        sleep 0.01 if $line[0] eq '503';
        return @line;
    };
}

# The counts of what a load of events() has got; what the queue has taken is
# kept in mind.
sub counts {
    my %count;

    for (map { @$_ } @_) {
        my ($status, $tag) = @$_;

        if ($status eq '202') {
            $Queued{$tag} = 1;
        } else {
            $count{join ' ', @$_}++;
        }
    }

    return \%count;
}


# --- slow, broken off, many -----------------------------------------------

$Upstream->start;
gateway('clients', workers => 2);

# so that heaps and pools are as large as they will be
{
    my $load = NginxProcess::load(2, events());
    sleep 0.5;
    $load->stop;
}

abuse 'heads and bodies that come byte by byte, or not at all' => sub {
    my ($round) = @_;
    my $n = 40;
    my (@finish, @abort, @idle, @heads);

    for my $k (1 .. $n) {
        my $gate = $All[$k % @All];

        for my $list (\@finish, \@abort, \@idle) {
            my $tag = $list == \@finish ? "tag-slow-$round-$k"
                                        : "tag-half-slow-$round-$k";
            my @event = event($gate, $tag, $k % 3 ? 100 : 20000);
            my $socket = dial($Port);

            put($socket, head(@event[0, 1], 'Content-Length' =>
                              length $event[2], @event[3 .. $#event]));
            push @$list, {gate => $gate, event => \@event, socket => $socket,
                          tag => $tag, rest => $event[2]};
        }

        my $socket = dial($Port);
        put($socket, substr request(event($gate, 'tag-half-head')), 0, 40);
        push @heads, $socket;
    }

    for my $k (1 .. 6) {
        put_quietly($_->{socket}, substr $_->{rest}, 0, 1, '')
            for @finish, @abort, $k < 3 ? @idle : ();

        my $start = time;
        answers("each gate answers meanwhile, $k") if $k == 3;
        cmp_ok(time - $start, '<', 10, 'and does so soon') if $k == 3;
        sleep 0.2;
    }

    abort($_->{socket}) for @abort;

    my $right = 0;

    for (@finish) {
        put($_->{socket}, $_->{rest});
        my $answer = answer($_->{socket});

        if (right($_->{gate}, $_->{tag}, $_->{event}, $answer)) {
            $right++;
        } else {
            diag("$_->{gate}: " . substr $answer, 0, 100);
        }
    }

    is($right, $n, 'who finished in the end is answered');
    is(scalar(grep { answer($_->{socket}) eq 'closed' } @idle), $n,
       'who did not was closed after client_body_timeout');
    is(scalar(grep { answer($_) eq 'closed' } @heads), $n,
       'and who sent no head after client_header_timeout');
};

abuse 'connections that break off half-way' => sub {
    my ($round) = @_;
    my (@lost, $http2);

    for my $k (1 .. 500 * $Many) {
        my $gate = $All[$k % @All];
        my $tag = "tag-half-$round-$k";
        my @event = event($gate, $tag, $k % 4 ? 0 : 40000);

        if ($k % 3 == 0) {
            # another stream of that connection goes on
            my ($method, $path, $body, @header) = @event;
            $http2 = dial2($Port2);
            put($http2, headers(1, $method, $path, 0, @header),
                        data(1, substr($body, 0, int rand length $body) =~
                                s/^(.{16000}).*/$1/sr));
            put($http2, reset_stream(1)) if $k % 2;
            abort($http2);
            next;
        }

        my $request = request(@event);
        my $socket = dial($Port);
        put_quietly($socket, substr $request, 0, int rand length $request);
        abort($socket);
    }

    # All of it is sent, and nobody waits for the answer.
    for my $k (1 .. 100) {
        my $gate = $All[$k % @All];
        my $tag = "tag-lost-$round-$k";
        my $socket = dial($Port);

        put_quietly($socket, request(event($gate, $tag, $k % 7 ? 0 : 40000)));
        push @lost, ['lost', '-', $tag] if $gate eq 'create';
        abort($socket);
    }

    push @Results, \@lost;
};

abuse 'thousands of connections, one after the other' => sub {
    my ($round) = @_;
    my $wrong = 0;

    for my $k (1 .. 5000 * $Many) {
        my $gate = $k % 20 ? $Passed[$k % @Passed]
                           : $k % 40 ? 'create' : 'queue';
        my $tag = "tag-$round-$k";
        my @event = event($gate, $tag);
        my $socket = dial($Port);

        # Who closes first is the one whose port waits a while.
        put($socket, request(@event, $k % 2 ? (Connection => 'close') : ()));

        $wrong++ if !right($gate, $tag, \@event, answer($socket));

        $k % 4 ? close $socket : abort($socket);
    }

    is($wrong, 0, 'each was answered');
};

abuse 'pipelines' => sub {
    my ($round) = @_;
    my ($text, @expected) = ('');

    for my $k (1 .. 40) {
        for my $gate (@Passed) {
            my @event = event($gate, "tag-pipe-$round-$k", $k % 10 ? 0 : 999);
            my ($method, $path, $body, @header) = @event;

            $text .= $k % 2 ? request(@event)
                     : head($method, $path, 'Transfer-Encoding' => 'chunked',
                            @header) . chunks($body =~ /.{1,33}/gs);
            push @expected, [$gate, '', \@event];
        }

        my ($name, $event, $expected) = @{$Refused[$k % @Refused]};
        $text .= request(@$event);
        push @expected, $expected;

        for my $gate ('create', 'queue') {
            my @event = event($gate, "tag-pipe-$round-$k");
            $text .= request(@event);
            push @expected, [$gate, "tag-pipe-$round-$k", \@event];
        }
    }

    for my $size (length $text, 1500, 61) {
        my $socket = dial($Port);
        my $pid = fork // die "fork: $!";

        # Both sides of a connection can be full.
        if ($pid == 0) {
            put($socket, $_) for unpack "(a$size)*", $text;
            POSIX::_exit(0);
        }

        my @got = map { answer($socket) } @expected;
        waitpid $pid, 0;

        my $wrong = 0;

        for my $k (0 .. $#got) {
            my $expected = $expected[$k];
            $wrong++ if ref $expected ? !right(@$expected, $got[$k])
                                      : $got[$k] ne $expected;
        }

        is($wrong, 0, scalar @got . " requests, $size bytes at a time");
    }

    # More and more, and no answer is ever read.
    for (1 .. 2) {
        my $socket = dial($Port);
        my @event = event('luzmo', 'tag-deaf', 3000);
        my $requests = request(@event) x 100;
        my ($sent, $full) = (0, 0);

        $socket->blocking(0);

        while ($full < 20 && $sent < 50_000_000) {
            my $n = syswrite $socket, $requests, length $requests,
                             $sent % length $requests;
            $sent += $n // 0;
            $full = $n ? 0 : $full + 1;
            sleep 0.005 if !$n;
        }

        cmp_ok($full, '==', 20, "it is stopped, after $sent bytes");
        abort($socket);
    }
};


# --- lies -----------------------------------------------------------------

# Each is an event whose tag upstream must not see: how its bytes are made of
# method, path, body and headers, and how it is answered.

my $Bad = page('400 Bad Request');

my @Lies = (
    ['a length that is too large, then the end' => sub {
        my ($head, $body) = @_;
        return ($head->('Content-Length' => 1 + length $body) . $body, 'shut');
    }, 'closed'],
    ['one that is larger than allowed' => sub {
        my ($head, $body) = @_;
        return ($head->('Content-Length' => 1 << 40) . $body);
    }, page('413 Request Entity Too Large')],
    (map {
        my $length = $_;
        ["the length $_" => sub {
            my ($head, $body) = @_;
            return ($head->('Content-Length' => $length) . $body);
        }, $Bad]
    } '-1', '+5', '0x10', '5 5', '', '5,5', '9223372036854775808',
      '18446744073709551617', 'five'),
    ['two lengths' => sub {
        my ($head, $body) = @_;
        return ($head->('Content-Length' => [length $body, 1 + length $body])
                . $body);
    }, $Bad],
    ['a length, and chunks' => sub {
        my ($head, $body) = @_;
        return ($head->('Content-Length' => length $body,
                        'Transfer-Encoding' => 'chunked') . chunks($body));
    }, $Bad],
    ['chunks, and another coding' => sub {
        my ($head, $body) = @_;
        return ($head->('Transfer-Encoding' => 'gzip, chunked')
                . chunks($body));
    }, page('501 Not Implemented')],
    (map {
        my ($name, $how) = @$_;
        ["chunks: $name" => sub {
            my ($head, $body) = @_;
            return ($head->('Transfer-Encoding' => 'chunked') . $how->($body),
                    'shut');
        }, $_->[2] // $Bad]
    } ['no number', sub { "zz\r\n$_[0]\r\n0\r\n\r\n" }],
      ['no length', sub { "\r\n$_[0]\r\n0\r\n\r\n" }],
      ['a negative one', sub { "-1\r\n$_[0]\r\n0\r\n\r\n" }],
      ['a large one', sub { "7ffffffffffffff\r\n$_[0]\r\n0\r\n\r\n" },
       page('413 Request Entity Too Large')],
      ['the largest', sub { "7fffffffffffffff\r\n$_[0]\r\n0\r\n\r\n" }],
      ['larger than that', sub { "ffffffffffffffffff\r\n$_[0]\r\n0\r\n\r\n" }],
      ['one that is too small', sub { sprintf "%x\r\n%s\r\n0\r\n\r\n",
                                              -1 + length $_[0], $_[0] }],
      ['one that is too large', sub { sprintf "%x\r\n%s\r\n0\r\n\r\n",
                                              3 + length $_[0], $_[0] }],
      ['no last one', sub { sprintf "%x\r\n%s\r\n", length $_[0], $_[0] },
       'closed']),
);

abuse 'bodies that are not as long as they say' => sub {
    my ($round) = @_;

    # at the level at which nginx tells a client's faults in a body
    $Nginx->expect(qr/\[error\].* client intended to send too large body/,
                   qr/\[error\].* client intended to send too large chunked/,
                   qr/\[error\].* client sent invalid chunked body/);

    my @wrong;

    for my $gate (@All) {
        for (@Lies) {
            my ($name, $make, $expected) = @$_;
            my ($method, $path, $body, @header)
                = event($gate, "tag-half-lie", 50);
            my ($bytes, $shut)
                = $make->(sub { head($method, $path, @header, @_) }, $body);
            my $socket = dial($Port);

            put_quietly($socket, $bytes);
            shutdown $socket, 1 if $shut;

            my $got = answer($socket);
            push @wrong, "$gate, $name: $got" if $got ne $expected;

            $got = answer($socket);
            push @wrong, "$gate, $name, then: $got" if $got ne 'closed';
            close $socket;
        }

        # The rest is what the next request begins with, as it is in nginx.
        my ($method, $path, $body, @header) = event($gate, 'tag-half-lie', 50);
        my $socket = dial($Port);
        put($socket, head($method, $path, @header, 'Content-Length' => 20)
                     . $body);
        my $got = answer($socket);
        push @wrong, "$gate, too small: $got"
            if $got !~ /^40[01] .*"(?:invalid_json|invalid_signature)"/;
        $got = answer($socket);
        push @wrong, "$gate, too small, the rest: $got" if $got ne $Bad;
        close $socket;

        # HTTP/2
        my $length = length $body;

        for (['too large', $length + 1, data(1, $body, 1), $Bad],
             ['too small', $length - 1, data(1, $body, 1), $Bad],
             ['too small, the rest later', $length - 1,
              data(1, substr $body, 0, $length - 1) . data(1, '}', 1), $Bad],
             ['none', 0, data(1, $body, 1), $Bad],
             ['no number', 'x', data(1, $body, 1), $Bad])
        {
            my ($name, $claim, $frames, $expected) = @$_;
            my $http2 = dial2($Port2);

            put_quietly($http2, headers(1, $method, $path, 0, @header,
                                        'content-length' => $claim) . $frames);

            my $got = HTTPClient::answer2($http2, 1);
            push @wrong, "$gate, HTTP/2, $name: $got" if $got ne $expected;

            # Other streams are not concerned.
            put_quietly($http2, headers(3, 'GET', '/ready', 1));
            $got = HTTPClient::answer2($http2, 3);
            push @wrong, "$gate, HTTP/2, $name, then: $got"
                if $got !~ /^200 \d+$/;
            close $http2;
        }

        # Padding that is longer than its frame, data after the end, data on a
        # stream that never began.
        for (frame(0, 0x9, 1, "\xff$body"), data(99, $body, 1),
             data(1, substr($body, 0, 9), 1) . data(1, substr($body, 9), 1))
        {
            my $http2 = dial2($Port2);
            put_quietly($http2, headers(1, $method, $path, 0, @header) . $_);
            put_quietly($http2, headers(3, 'GET', '/ready', 1));
            HTTPClient::answer2($http2, 3);
            close $http2;
        }
    }

    is(scalar @wrong, 0, 'each is refused')
        or diag(join "\n", grep { defined } @wrong[0 .. 19]);
};


# --- floods ---------------------------------------------------------------

abuse 'floods of headers and frames' => sub {
    my ($round) = @_;
    my $large = page('400 Bad Request',
                     '400 Request Header Or Cookie Too Large',
                     'Request Header Or Cookie Too Large');
    my @wrong;

    my $is = sub {
        my ($name, $got, $expected) = @_;
        push @wrong, "$name: " . substr $got, 0, 200
            if ref $expected ? $got !~ $expected : $got ne $expected;
    };

    for my $gate (@Passed) {
        my @event = event($gate, "tag-flood-$round");

        for (['a long one', $large, X => 'x' x 40000],
             ['many', $large, map { ("X-$_" => 'x' x 50) } 1 .. 1000],
             ['many, of one name', $large, X => [('x' x 50) x 1000]],
             ['some hundred', passed($gate, @event),
              map { ("X-$_" => 'x' x 20) } 1 .. 500])
        {
            my ($name, $expected, @header) = @$_;
            my $socket = dial($Port);
            put_quietly($socket, request(@event, @header));
            $is->("$gate, $name", answer($socket), $expected);
            close $socket;
        }
    }

    for (['secrets', 'luzmo', 'X-Secret' => 'right', 'invalid_secret'],
         ['signatures', 'github', 'X-Hub-Signature-256' => 'sha256=00',
          'invalid_signature'])
    {
        my ($name, $gate, $header, $value, $reason) = @$_;
        my @event = event($gate, "tag-half-many");
        my $socket = dial($Port);
        put($socket, request(@event, $header => [($value) x 500]));
        $is->("many $name", answer($socket), qr/^401 .*"$reason"/);
        close $socket;
    }

    # A head without an end.
    {
        my $socket = dial($Port);
        my $select = IO::Select->new($socket);
        my $n = 0;
        put($socket, "POST /luzmo/data_updated HTTP/1.1\r\n");
        put($socket, "X-$n: x\r\n") while !$select->can_read(0)
                                          && $n++ < 100_000;
        $is->('a head without an end', answer($socket), $large);
        close $socket;
    }

    # HTTP/2
    my @event = event('luzmo', 'tag-half-flood');
    my ($method, $path, $body, @header) = @event;
    my $begun = headers(1, $method, $path, 0, @header);

    for (['a long header', 1, headers(1, $method, $path, 0, @header,
                                      map { ("x-$_" => 'x' x 4000) } 1 .. 3)],
         ['headers without an end', 300,
          headers(1, $method, $path, 0, @header) =~ s/^(....)./$1\0/sr,
          frame(9, 0, 1, "\0\1x\1x" x 1000)],
         ['pings', 30000, '', frame(6, 0, 0, 'x' x 8)],
         ['settings', 30000, '', frame(4, 0, 0, '')],
         ['priorities', 30000, $begun, frame(2, 0, 1, "\0\0\0\0\1")],
         ['empty data', 30000, $begun, data(1, '')],
         ['windows', 30000, $begun, frame(8, 0, 1, pack 'N', 1)])
    {
        my ($name, $n, $first, $frame) = @$_;
        my $http2 = dial2($Port2);

        put_quietly($http2, $first);

        # Answers are not read, which does not hold up the sender for ever.
        $http2->blocking(0);
        my $bytes = ($frame // '') x $n;
        my $end = time + 3;

        while (length $bytes && time < $end) {
            local $SIG{PIPE} = 'IGNORE';
            my $sent = syswrite $http2, $bytes, 65536;
            last if !defined $sent && !$!{EAGAIN};
            substr $bytes, 0, $sent // 0, '';
            sleep 0.001 if !$sent;
        }

        $round % 2 ? close $http2 : abort($http2);
    }

    # Streams that are begun and reset, 100 at a time.
    my $http2 = dial2($Port2);
    my ($stream, $streams) = (1, 0);

    for (1 .. 20 * $Many) {
        my $text = '';

        for (1 .. 100) {
            $text .= headers($stream, $method, $path, 0, @header)
                     . data($stream, substr $body, 0, 20)
                     . reset_stream($stream);
            $stream += 2;
            $streams++;
        }

        last if !put_quietly($http2, $text);

        # Somebody who has had enough of it is asked no more.
        put_quietly($http2, headers($stream, 'GET', '/ready', 1));
        last if HTTPClient::answer2($http2, $stream) !~ /^200/;
        $stream += 2;
    }

    note("$streams streams were reset");
    close $http2;

    is(scalar @wrong, 0, 'each is answered as it should be')
        or diag(join "\n", grep { defined } @wrong[0 .. 19]);
};


# --- processes ------------------------------------------------------------

abuse 'workers are killed under load' => sub {
    my $made = NginxProcess::load(2, creations(3));
    my $passed = NginxProcess::load(2, events());

    for (1 .. 4 * $Scale) {
        sleep 0.1 + rand 0.2;
        my @workers = $Nginx->workers;
        my $pid = $workers[rand @workers];

        # The upstream connections of a killed worker are nobody's fault.
        ok($Nginx->replace($pid), 'another one is in its place');
    }

    push @Results, $made->stop;

    my $counts = counts($passed->stop);
    delete $counts->{lost};
    cmp_ok(delete $counts->{200} // 0, '>', 100 / $NginxProcess::Slowness,
           'events passed');
    is_deeply($counts, {}, 'and whoever got an answer got the right one');
};

abuse 'a reload each second under load' => sub {
    my $made = NginxProcess::load(2, creations(3));
    my $kept = NginxProcess::load(1, events());
    my $new = NginxProcess::load(1, events(1));

    for (1 .. 3 * $Scale) {
        my $start = time;
        ok($Nginx->reload(keep => 1), 'there are new workers');
        sleep 1 - (time - $start) if time - $start < 1;
    }

    push @Results, $made->stop;

    # A connection that is kept alive may be closed when a request is on its
    # way; a new one is always answered.
    my $counts = counts($kept->stop);
    delete $counts->{lost};
    cmp_ok(delete $counts->{200} // 0, '>', 100 / $NginxProcess::Slowness,
           'events passed');
    is_deeply($counts, {}, 'and whoever got an answer got the right one');

    $counts = counts($new->stop);
    cmp_ok(delete $counts->{200} // 0, '>', 100 / $NginxProcess::Slowness,
           'events passed');
    is_deeply($counts, {}, 'and on new connections each got one');

    ok(wait_until(sub {
        return 3 == NginxProcess::group($Nginx->master);
    }), 'the old workers are gone');
};

abuse 'all processes are killed under load' => sub {
    my $made = NginxProcess::load(2, creations(3));
    my $passed = NginxProcess::load(1, events());

    sleep 0.5;
    ok($Nginx->stop('KILL'), 'killed');
    $Nginx->start;
    sleep 0.5;

    push @Results, $made->stop;

    my $counts = counts($passed->stop);
    delete @$counts{qw(200 lost)};
    is_deeply($counts, {}, 'whoever got an answer got the right one');
};

end_gateway();


# --- nothing left ---------------------------------------------------------

# Requests whose heads are begun, so that their connections are no idle ones
# which nginx closes when it needs others; finish() gives the answers.
sub begin {
    return map {
        my $text = request(@$_);
        my $socket = dial($Port);
        put($socket, substr $text, 0, 20, '');
        {socket => $socket, rest => $text};
    } @_;
}

sub finish {
    my ($begun) = @_;
    put($begun->{socket}, $begun->{rest});
    return answer($begun->{socket});
}

# Connections until the log says so.
sub occupy {
    my ($pattern) = @_;
    my $log = length $Nginx->log;
    my @sockets;

    ok(wait_until(sub {
        my $socket = eval { dial($Port) };

        if ($socket) {
            put_quietly($socket, 'POST ');
            push @sockets, $socket;
        }

        return substr($Nginx->log, $log) =~ $pattern;
    }), 'nothing is left, after ' . @sockets . ' connections');

    return @sockets;
}

# All but the standing one are removed, and then there is room.
sub clear {
    my @uuids = grep { $_ ne $Hook } @{uuids(list(client()))};

    is(remove_all(@uuids), scalar @uuids, 'all of them are removed');
    push @Results, [map { ['deleted-204', $_] } @uuids];
}

my $Page500 = page('500 Internal Server Error');

gateway('connections', workers => 1, connections => 48, patience => '20s');

abuse 'worker_connections are exhausted' => sub {
    my ($round) = @_;

    # nginx says so at this level
    $Nginx->expect(qr/\[alert\].* 48 worker_connections are not enough/);

    my $tag = tag();
    my @create = event('create', $tag);
    my @queue = event('queue', $tag);
    my ($create, $queue, $luzmo) = begin(\@create, \@queue,
                                         [event('luzmo', "tag-half-$round")]);
    my @sockets = occupy(qr/worker_connections are not enough/);

    is(finish($luzmo), $Page500, 'what needs one more is not done');

    ok(right('create', $tag, \@create, finish($create)),
       'what needs none is');
    ok(right('queue', $tag, \@queue, finish($queue)),
       'also what will need one later');

    close $_ for @sockets;
};

end_gateway();

# valgrind has descriptors of its own, beyond any limit.
if ($NginxProcess::Slowness == 1) {
    gateway('descriptors', workers => 1, patience => '20s',
            main => 'worker_rlimit_nofile 64;');

    abuse 'descriptors are exhausted' => sub {
        my ($round) = @_;

        # connections of clients, connections to upstream, a body's file, what
        # an event from the queue needs
        $Nginx->expect(qr/\[crit\].* accept4\(\) failed \(24: /,
                       qr/\[alert\].* socket\(\) failed \(24: /,
                       qr/\[crit\].* open\(\) "\S+body\S+" failed \(24: /,
                       qr/\[crit\].* fcntl\(F_DUPFD_CLOEXEC\) failed \(24: /);

        my $tag = tag();
        my @create = event('create', $tag);
        my @queue = event('queue', $tag);
        my ($create, $queue, $luzmo, $large)
            = begin(\@create, \@queue,
                    [event('luzmo', "tag-half-$round")],
                    [event('munity', "tag-half-$round", 40000)]);
        my @sockets = occupy(qr/accept4\(\) failed \(24: /);

        ok(right('create', $tag, \@create, finish($create)),
           'what needs none is done');
        ok(right('queue', $tag, \@queue, finish($queue)),
           'also what will need one later');

        is(finish($luzmo), $Page500, 'what needs a connection is not');
        is(finish($large), $Page500, 'what needs a file is not');

        close $_ for @sockets;
    };

    end_gateway();
}

gateway('zone', zone => '512k', workers => 2);

abuse 'the zone is full' => sub {
    my ($round) = @_;
    my $props = '{"p":"' . 'v' x 900 . '"}';
    my $load = NginxProcess::load(3, creations(0, props => $props));
    my $events = NginxProcess::load(1, events());

    ok(wait_until(sub {
        my $answer = create(client(), 'over', $props);
        return $answer && $answer->{status} == 503 && $answer->{body} eq $Full;
    }), 'it is full');

    ok($Nginx->replace(($Nginx->workers)[$round % 2]), 'a worker is killed');
    sleep 0.2;
    ok($Nginx->reload(keep => 1), 'a reload');
    sleep 0.2;

    my $counts = counts($events->stop);
    delete @$counts{qw(200 lost)};
    is_deeply($counts, {}, 'events pass');

    push @Results, $load->stop;
    over();
    acknowledged('while it is full');
    clear();
};

# What has been made in order to see whether anything can be made.
sub over {
    my @over = grep { $_->[1] eq 'over' } @{list(client())};
    push @Results, [map { [200, $_->[0], 'over'] } @over];
}

end_gateway();

# Without room in the files, which there is after $full->() has been called, and
# until $free->() has been.
sub no_room {
    my ($name, $full, $free) = @_;

    abuse $name => sub {
        my ($round) = @_;
        my $props = '{"p":"' . 'v' x 8000 . '"}';

        # the state's, when it is written; a body's file
        $Nginx->expect(qr/\[crit\].* "\S+\.db"/,
                       qr/\[crit\].* pwritev?\(\) "\S+\/body\/\S+" /);

        $full->();

        my $load = NginxProcess::load(3, creations(0, props => $props));

        ok(wait_until(sub {
            my $answer = create(client(), 'over', $props);
            return $answer && $answer->{status} == 503
                   && $answer->{body} eq $Failed;
        }), 'nothing more can be made durable');

        my $socket = dial($Port);
        my @event = event('luzmo', "tag-half-$round", 3_000_000);
        put_quietly($socket, request(@event));
        is(answer($socket), $Page500, 'nor a large body kept');
        close $socket;

        $socket = dial($Port);
        @event = event('munity', "tag-small-$round");
        put($socket, request(@event));
        is(answer($socket), passed('munity', @event), 'a small one passes');

        my %count;

        for (1 .. 20) {
            my $tag = tag();
            @event = event('queue', $tag, 5000);
            put($socket, request(@event));
            my $answer = answer($socket);

            $count{right('queue', $tag, \@event, $answer) ? 202
                   : $answer =~ /^503 .*"reason":"(?:queue_full|store_failed)"/
                     ? 503 : $answer}++;
        }

        delete @count{202, 503};
        is_deeply(\%count, {}, 'the queue takes events or refuses them');

        ok($Nginx->replace(($Nginx->workers)[$round % 2]),
           'a worker is killed');
        close $socket;
        ok($Nginx->reload(keep => 1), 'a reload');
        $full->();

        push @Results, $load->stop;
        over();
        acknowledged('while there is no room');

        $free->();
        ok(wait_until(sub { uuid(create(client(), 'over', $props)) }),
           'there is room again');
        over();
        clear();
    };

    end_gateway();
}

{
    # more than the log will have
    my $limit = 2 << 20;

    gateway('file-size', workers => 2,
            more => 'client_body_temp_path body;',
            command => ['sh', '-c', "trap '' XFSZ; exec \"\$0\" \"\$@\""]);

    my $set = sub {
        for my $pid ($Nginx->master, $Nginx->workers) {
            system('prlimit', "--fsize=$_[0]:", "--pid=$pid") == 0
                or die 'prlimit';
        }
    };

    no_room('files reach RLIMIT_FSIZE', sub { $set->($limit) },
            sub { $set->('unlimited') });
}

SKIP: {
    my $disk = "$Root/disk";
    mkdir $disk;

    skip 'a small disk can be mounted by root alone', 1
        if $> != 0
           || system("mount -t tmpfs -o size=16m tmpfs $disk 2>/dev/null") != 0;

    push @Mounted, $disk;

    gateway('disk', workers => 2, state => $disk,
            more => "client_body_temp_path $disk/body;");

    no_room('the disk is full', sub {
        open my $filler, '>', "$disk/filler" or die $!;
        1 while syswrite $filler, "\0" x 4096;
        close $filler;
    }, sub { unlink "$disk/filler" });

    is(system('umount', $disk), 0, 'nothing is left open');
    @Mounted = ();
}

done_testing();
