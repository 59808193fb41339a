use strict;
use warnings;

use lib 't/lib';
use AbuseTest;
use HTTPClient qw(answer chunks data dial dial2 frame head headers put
                  reset_stream request);
use NginxProcess;
use Registrations;
use Test::More;
use Time::HiRes qw(sleep time);

# A whole gateway against clients that are slow, lie, or are countless, and with
# processes that are killed: see AbuseTest.pm for what has to hold afterwards.

*wait_until = \&NginxProcess::wait_until;


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
        put($_->{socket}, substr $_->{rest}, 0, 1, '')
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
        put($socket, substr $request, 0, int rand length $request);
        abort($socket);
    }

    # All of it is sent, and nobody waits for the answer.
    for my $k (1 .. 100) {
        my $gate = $All[$k % @All];
        my $tag = "tag-lost-$round-$k";
        my $socket = dial($Port);

        put($socket, request(event($gate, $tag, $k % 7 ? 0 : 40000)));
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

            put($socket, $bytes);
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

            put($http2, headers(1, $method, $path, 0, @header,
                                'content-length' => $claim) . $frames);

            my $got = HTTPClient::answer2($http2, 1);
            push @wrong, "$gate, HTTP/2, $name: $got" if $got ne $expected;

            # Other streams are not concerned.
            put($http2, headers(3, 'GET', '/ready', 1));
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
            put($http2, headers(1, $method, $path, 0, @header) . $_);
            put($http2, headers(3, 'GET', '/ready', 1));
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
            put($socket, request(@event, @header));
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

        put($http2, $first);

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

        last if !put($http2, $text);

        # Somebody who has had enough of it is asked no more.
        put($http2, headers($stream, 'GET', '/ready', 1));
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
    cmp_ok(delete $counts->{200} // 0, '>', 20 / $NginxProcess::Slowness,
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
    cmp_ok(delete $counts->{200} // 0, '>', 20 / $NginxProcess::Slowness,
           'events passed');
    is_deeply($counts, {}, 'and whoever got an answer got the right one');

    $counts = counts($new->stop);
    cmp_ok(delete $counts->{200} // 0, '>', 20 / $NginxProcess::Slowness,
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

done_testing();
