package AbuseTest;

# A whole gateway, of all systems, for tests against those who mean no good and
# those who run out of something.
#
#     gateway('clients', workers => 2);
#
#     abuse 'pipelines' => sub {
#         my $round = shift;
#         ...
#     };
#
#     end_gateway();
#
# After each abuse:
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

use strict;
use warnings;

use Answers qw(refused);
use CountingUpstream;
use Digest::SHA qw(hmac_sha256_hex);
use Exporter qw(import);
use HTTPClient qw(answer data dial dial2 headers put request);
use NginxProcess;
use Registrations;
use Socket qw(SOL_SOCKET SO_LINGER);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw($Scale $Many $Upstream @Passed @All @Refused $Port $Port2
                 $Nginx $Hook @Results gateway end_gateway tag event passed
                 right answers acknowledged descriptors abuse abort page events
                 creations counts);

*wait_until = \&NginxProcess::wait_until;

our $Scale = $ENV{ABUSE} || 1;
my $Rounds = 2 + int(log($Scale) / log(2));

my $Root = $NginxProcess::Root;
my $Sanitizer = $ENV{ASAN_OPTIONS} || $NginxProcess::Slowness > 1;

# of connections; everything takes longer under sanitizers
our $Many = $Scale * ($Sanitizer ? 0.3 : 1);

our ($Port, $Port2) = map { NginxProcess::port($_) } 0, 2;

# Kilobytes that a heap may grow by in the second half of the rounds: it takes
# some of them until a worker has had the most that it can get at a time.
my $Slack = 1024;

my $Key = 'of-the-repository';
my $User = '6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d';

our $Upstream = CountingUpstream->new(
    port => NginxProcess::port(1),
    file => "$Root/logs/upstream",
    line => sub {
        my $request = shift;
        return "$request->{path} "
               . ($request->{body} =~ /"(tag-[\w-]+)"/ ? $1 : '-');
    }
);


# --- the gateway ----------------------------------------------------------

our ($Nginx, $Hook, @Results);

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

our @Passed = qw(luzmo munity github trigger);
our @All = (@Passed, 'queue', 'create');

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
        $Queued{$tag} = $answer =~ /^202 \{"id":"[0-9a-f-]{36}"\}\n\z/ ? 1
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
our @Refused = do {
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

1;
