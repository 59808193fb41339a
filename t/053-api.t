use strict;
use warnings;

use lib 't/lib';
use Answers qw(refused);
use NginxProcess;
use QueueTest qw(config nginx event send_event client id waiting dead drained);
use Destination;
use HTTPClient qw(answer2 dial dial2 headers put request);
use Test::More;

use Digest::SHA qw(hmac_sha256_hex);
use List::Util qw(sum uniq);
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(sleep time);

# webhook_api: what each request is answered, with its body, and what has become
# of the events afterwards.

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;
my $Port = NginxProcess::port(0);
my $To = Destination->new(port => NginxProcess::port(1), default => '410')
         ->start;

my $Secret = 'hush' x 8;
my $Unknown = '01a201c8-d49f-776e-b3fa-10a3563bf6ec';

# an application that takes nothing
my $Gone = 'return 410; proxy_pass http://127.0.0.1:1;';

my $Dead = qr/webhook queue "[^"]+": event [0-9a-f-]{36} is dead after attempt/;
my $Forbidden = qr/access forbidden by rule, client: 127\.0\.0\.1/;


# --- answers --------------------------------------------------------------

my $NotFound = refused(problem => 404, 'there is no such queue or event',
                       'not_found');
my $Method = refused(problem => 'method_not_allowed');
my $Missing = refused(problem => 'missing_secret');
my $Invalid = refused(problem => 'invalid_secret');
my $Limit = refused(problem => 400, 'limit must be a number from 1 to 1000',
                    'invalid_limit');
my $After = refused(problem => 400, 'after must be the id of a dead event of '
                    . 'this queue', 'invalid_after');
my $Failed = refused(problem => 'store_failed');

sub unknown {
    my $name = shift;
    return refused(problem => 400, "$name is no parameter of this request, or "
                   . 'has no value', 'unknown_parameter', field => $name);
}

my $Last;      # answer
my %Client;    # by port

# "status body" of the answer, with a letter for each number that a test can't
# know: times as T, sizes as B
sub ask {
    my ($method, $uri, %headers) = @_;
    my $body = delete $headers{body};
    my $port = delete $headers{port} // $Port;
    my $client = $Client{$port} //= client(port => $port);

    $Last = $client->request($method, $uri, $body, %headers)
            // $client->request($method, $uri, $body, %headers);

    return plain($Last);
}

sub plain {
    my $answer = shift // return 'closed';

    my $type = $answer->{headers}{'content-type'} // '';
    my $is = $answer->{status} < 300 ? 'application/json'
                                     : 'application/problem+json';

    # The body of all but nginx's own
    if ($answer->{body} =~ /^\{/ && $type ne $is) {
        return "$answer->{status} as $type";
    }

    return "$answer->{status} "
           . $answer->{body} =~ s/("(?:arrived|due|died)":)\d{10}\.\d{1,3}\b
                                 /$1T/xgr
                             =~ s/("bytes":)[1-9]\d*000?\b|("bytes":)\d+
                                 /($1 \/\/ $2) . 'B'/xegr;
}

# of a queue
sub counts {
    my ($waiting, $dead, %with) = @_;
    my $name = $with{name} // 'q';
    my $max = $with{max} // 1 << 30;
    my $oldest = $with{oldest} // 0;
    return qq({"queue":"$name","waiting":$waiting,"dead":$dead,)
           . qq("oldest_seconds":$oldest,"bytes":B,"max_bytes":$max});
}

# the answer with a queue
sub queue { return '200 ' . counts(@_) . "\n" }

# of an event, with what is beside it in a list or alone
sub told {
    my ($id, $state, $attempts, $status, $error, $more) = @_;
    my $time = $state eq 'dead' ? 'died' : 'due';
    $error = defined $error ? qq("$error") : 'null';
    $more //= '"event":"e"';
    return qq({"id":"$id","state":"$state","arrived":T,"$time":T,)
           . qq("attempts":$attempts,"status":$status,"error":$error,$more});
}

sub gone { return told($_[0], 'dead', 1, 410, 'gone') }
sub list { return '200 {"dead":[' . join(',', @_) . "]}\n" }

# the ids in a list
sub ids { return $Last->{body} =~ /"id":"([^"]+)"/g }

# as the page is, and not one byte more
sub pages {
    my ($limit, $after) = ($_[0], '');
    my @pages;

    do {
        ask(GET => "/api/queues/q/dead?limit=$limit$after");
        push @pages, [ids()];
        $after = "&after=$pages[-1][-1]" if @{$pages[-1]};
    } while @{$pages[-1]} && @pages < 1000;

    return @pages;
}

# Sends so many, and returns their ids once they are dead.
sub die_off {
    my ($n, %headers) = @_;
    my $had = dead();
    my @ids = map { id($_) }
              NginxProcess::all(sub { send_event($_[0], %headers) }, 1 .. $n);

    wait_until(sub { dead() == $had + $n }) or diag('not all are dead');
    return @ids;
}

# Does something that two connections ask for in the same turn of the only
# worker's event loop; returns both answers.
sub at_once {
    my ($nginx, @requests) = @_;
    my ($worker) = $nginx->workers;
    my @clients = map { client(later => 1) } @requests;

    # connected, and known to the worker
    for (@clients) {
        $_->send(GET => '/api/queues/q');
        $_->answer;
    }

    kill STOP => $worker;
    $clients[$_]->send(@{$requests[$_]}) for 0 .. $#requests;
    kill CONT => $worker;

    return map { plain($_->answer) } @clients;
}


# --- what is there --------------------------------------------------------

subtest 'queues' => sub {
    my $nginx = nginx('queues', location => '', queue => 'max_size=256k',
                      http => "webhook_queue_path $Root/other queue=other;"
                              . qq(webhook_queue_path $Root/odd "queue=a b";));

    my $other = counts(0, 0, name => 'other');
    my $odd = counts(0, 0, name => 'a b');
    my $none = counts(0, 0, max => 262144);
    is(ask(GET => '/api/queues'), qq(200 {"queues":[$other,$odd,$none]}\n),
       'all, in the order of the configuration');
    is(ask(GET => '/api/queues/q'), "200 $none\n", 'one');
    is(ask(GET => '/api/queues/other'), "200 $other\n", 'another');
    is(ask(GET => '/api/queues/a%20b'), "200 $odd\n", 'one with a blank');
    is(ask(GET => $_), $NotFound, $_)
        for '/api/queues%2Fq', '/api/queues/x%2F..%2Fq', '/api%2fqueues/q',
            '/api/queues/x/%2e%2e/q', '/api/queues/other%2Fdead';
    is(ask(GET => '/api/queues?'), qq(200 {"queues":[$other,$odd,$none]}\n),
       'with arguments');
    is(ask(GET => '/api/queues/other/dead'), qq(200 {"dead":[]}\n),
       'none is dead');

    my ($empty) = client()->request(GET => '/api/queues/q')->{body}
                  =~ /"bytes":(\d+)/;
    send_event(client(), body => event('x' x 20000)) for 1, 2;
    sleep 1.1;

    is(ask(GET => '/api/queues/q') =~ s/"oldest_seconds":[12],/"x":1,/r,
       queue(2, 0, max => 262144)
                =~ s/"oldest_seconds":0,/"x":1,/r,
       'what waits, and since when');
    my ($bytes) = $Last->{body} =~ /"bytes":(\d+)/;
    cmp_ok($bytes - $empty, '>', 40000, 'its bytes');
    is($bytes % 4096, 0, 'in pages');
    $nginx->finish;
};

subtest 'a queue whose name is not UTF-8' => sub {
    my $nginx = nginx('name', location => '',
                      http => qq(webhook_queue_path $Root/u queue=\xfcber;));
    my $nameless = counts(0, 0, name => 'x') =~ s/"x"/null/r;

    is(ask(GET => '/api/queues'),
       qq(200 {"queues":[$nameless,) . counts(0, 0) . "]}\n", 'is null');
    is(ask(GET => '/api/queues/%FCber'), "200 $nameless\n", 'but found');
    $nginx->finish;
};

subtest 'paths, methods' => sub {
    my $nginx = nginx('paths', more => '', server => <<'END');
        location /admin {
            webhook_api;
            webhook_secret off;
        }
        location = /admin/queues/none {
            return 204;
        }
        location ~ ^/v\d+/ {
            webhook_api;
            webhook_secret off;
        }
        location ~ ^/(?:queues|deep)/r {
            webhook_api;
            webhook_secret off;
        }
        location ~ /r {
            webhook_api;
            webhook_secret off;
        }
        location /again/ {
            rewrite ^/again/(.*) /api/$1 last;
        }
        location /queues {
            webhook_api;
            webhook_secret off;
        }
        location /deep/queues/ {
            webhook_api;
            webhook_secret off;
        }
        location = /only/queues {
            webhook_api;
            webhook_secret off;
        }
        location /split {
            webhook_api;
            webhook_secret off;
            limit_except GET { deny all; }
        }
        location /tried/ {
            try_files /none @api;
        }
        location @api {
            webhook_api;
            webhook_secret off;
        }
END
    $nginx->expect($Dead);
    my ($id) = die_off(1);
    my $one = counts(0, 1);

    is(ask(GET => $_), $NotFound, $_) for map { "/api/$_" }
        '', qw(queue queuesx queues/ Queues queues/none queues/Q queues/q/
               queues/q/x queues/q/Dead queues/q/events queues/q/events/
               queues/q/dead/ queues/q/replay queues/dead),
        "queues/q/x/$id", "queues/q/dead/$id/", "queues/q/dead/$id/x",
        "queues/q/dead/$id/replay/", "queues/q/dead/$id/replay/x",
        "queues/q/events/$id/", "queues/q/events/$id/replay",
        "queues/q/events/replay", "queues/q/events/$Unknown",
        "queues/none/dead", "queues/none/events/$id",
        "queues/q/events/{$id}", "queues/q/events/" . substr($id, 0, 35),
        "queues/q/events/" . $id =~ tr/-//dr,
        "queues/q/events/" . $id =~ s/-/0/r, "queues/q/events/x$id",
        "queues/q/events/" . 'g' x 36;

    is(ask($_->[0] => "/api/queues/$_->[1]"), $NotFound, "@$_")
        for [DELETE => "q/dead/$Unknown"], [POST => "q/dead/$Unknown/replay"],
            [DELETE => 'q/dead/x'], [POST => 'q/dead/x/replay'],
            [DELETE => "none/dead/$id"], [POST => "none/dead/$id/replay"],
            [POST => 'none/dead/replay'], [DELETE => "q/dead/$id/"];

    # each path, and what it allows
    my %paths = (
        'queues' => 'GET, HEAD', 'queues/q' => 'GET, HEAD',
        'queues/q/dead' => 'GET, HEAD', "queues/q/events/$id" => 'GET, HEAD',
        "queues/q/dead/$id" => 'DELETE', 'queues/q/dead/replay' => 'POST',
        "queues/q/dead/$id/replay" => 'POST',

        # whether it is there is another question
        "queues/q/dead/$Unknown" => 'DELETE',
    );

    for my $path (sort keys %paths) {
        my $allow = $paths{$path};

        for my $method (qw(GET POST PUT DELETE PATCH OPTIONS PROPFIND)) {
            next if $allow =~ /\b$method\b/;
            is(ask($method => "/api/$path", body => '{}'), $Method,
               "$method $path");
            is($Last->{headers}{allow}, $allow, 'Allow');
        }
    }

    # HEAD has the head of GET
    for my $path ('queues', 'queues/q', 'queues/q/dead', "queues/q/events/$id",
                  'queues/none', "queues/q/events/$Unknown", 'queues/q/x',
                  'queues/q/dead?limit=0', "queues/q/dead/$id")
    {
        ask(GET => "/api/$path");
        my %get = %{$Last->{headers}};
        my $status = $Last->{status};

        is(ask(HEAD => "/api/$path"), "$status ", "HEAD $path");
        delete $_->{date} for \%get, $Last->{headers};
        is_deeply($Last->{headers}, \%get, 'as GET');
    }

    # other prefixes
    is(ask(GET => '/admin/queues/q'), "200 $one\n", 'without a slash');
    is(ask(GET => '/admin//queues/q'), "200 $one\n", 'with two');
    is(ask(GET => '/admin/./x/../queues/q'), "200 $one\n", 'with dots');
    is(ask(GET => '/%61dmin/%71ueues/%71'), "200 $one\n", 'encoded');
    is(ask(GET => $_), $NotFound, $_) for '/admin', '/admin/', '/adminqueues',
                                          '/adminqueues/q';
    is(ask(GET => '/admin/queues/none'), '204 ', 'another location\'s');
    is(ask(GET => '/v12/queues/q'), "200 $one\n", 'a regular expression');
    is(ask(GET => '/v12/x'), $NotFound, 'and no path below it');
    is(ask(GET => $_), "200 $one\n", $_)
        for '/ro/queues/q', '/queues/q', '/deep/queues/q', '/split/queues/q',
            '/tried/queues/q', '/deep/r/queues/q';
    is(ask(GET => $_), '200 {"queues":[' . $one . "]}\n", $_)
        for '/queues', '/only/queues', '/api/queues', '/ro/queues';

    # one form only
    is(ask(GET => $_), $NotFound, $_)
        for '/api/x/queues', '/api/x/y/queues', '/api/x/queues/q',
            '/admin/queues/queues', '/queues/', '/queues/queues',
            '/queues/queues/q', '/queuesx', '/queues/x/queues/q',
            '/deep/queues/', '/deep/queues/queues/q', '/v12/queuesx/q';
    is(ask(GET => '/again/queues/q'), "200 $one\n", 'rewritten');
    is(ask(GET => '/again/queues/q/dead?limit=1'), list(gone($id)),
       'with arguments');
    is(ask(DELETE => "/again/queues/q/dead/" . uc $id), '204 ', 'and changed');
    $nginx->finish;
};

subtest 'an event' => sub {
    my $nginx = nginx('event', retry => '1h', server => <<END,
        server_name gateway;
        location /signed/ {
            webhook signed;
            webhook_signature github $Secret;
            webhook_queue q;
        }
END
                      more => 'proxy_read_timeout 1s;');
    $nginx->expect($Dead, qr/upstream prematurely closed|upstream timed out/);

    my $client = client();
    my %signed;
    my $send = sub {
        my ($body, %headers) = @_;
        my $hmac = hmac_sha256_hex($body, $Secret);
        my $id = id($client->request(
            POST => '/signed/a%20b?c=d', $body, Host => 'Example.com',
            'X-Hub-Signature-256' => "sha256=$hmac", %headers));

        $signed{$id} = $hmac;
        return $id;
    };

    my $shown = sub {
        my ($id, $headers, $body) = @_;
        wait_until(sub { ask(GET => "/api/queues/q/events/$id")
                         =~ /"state":"dead"/ });
        return told($id, 'dead', 1, 410, 'gone',
                    '"uri":"/signed/a%20b?c=d","client":"127.0.0.1",'
                    . qq("webhook_id":"$id",)
                    . qq("headers":[["Host","Example.com"]$headers,)
                    . '["X-Hub-Signature-256","'
                    . "sha256=$signed{$id}" . '"]],'
                    . qq("variables":[["provider","signed"],["id","$id"],)
                    . '["$server_name","gateway"]],' . $body);
    };

    # body, what is said of it
    my $octets = join '', map { chr } 0 .. 255;
    my $base64 = sub { '"body_base64":"' . encode_base64($_[0], '') . '"' };
    my @bodies = (
        ['text', 'plain', '"body":"plain"'],
        ['nothing', '', '"body":""'],
        ['quotes', qq("a"\\\n\t/), '"body":"\"a\"\\\\\n\t/"'],
        ['controls', "\0\1\x1f\x7f", qq("body":"\\u0000\\u0001\\u001F\x7f")],
        ['UTF-8', "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
         qq("body":"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")],
        ['ISO 8859-1', "\xe9", $base64->("\xe9")],
        ['two bytes', "\xe9\xff", $base64->("\xe9\xff")],
        ['overlong', "\xc0\xaf", $base64->("\xc0\xaf")],
        ['a surrogate', "\xed\xa0\x80", $base64->("\xed\xa0\x80")],
        ['beyond Unicode', "\xf4\x90\x80\x80", $base64->("\xf4\x90\x80\x80")],
        ['a beginning', "x\xe2\x82", $base64->("x\xe2\x82")],
        ['all bytes', $octets, $base64->($octets)],
    );

    for (@bodies) {
        my ($name, $body, $as) = @$_;
        my $id = $send->($body);
        my $told = $shown->($id, '', $as);
        is(ask(GET => "/api/queues/q/events/$id"), "200 $told\n",
           "a body of $name");
    }

    # headers of any bytes
    my $id = $send->('x', 'X-A' => "caf\xe9 \"\\", 'X-B' => "caf\xc3\xa9",
                     'X-C' => "\xff\x80", 'X-D' => '', 'X-E' => "a\tb",
                     'X-F' => '"\\');
    my $told = $shown->($id, qq(,["X-A",null],["X-B","caf\xc3\xa9"],)
                             . qq(["X-C",null],["X-D",""],)
                             . '["X-E","a\tb"],["X-F","\"\\\\"]', '"body":"x"');
    is(ask(GET => "/api/queues/q/events/$id"), "200 $told\n", 'headers');

    # of a sender's own id, and of Munity
    my $body = event("\xc3\xa9") =~ s/"e"/"\xc3\xa9\\u000a"/r
                                 =~ s/"w"/"w\\ud800"/r;
    $id = id(send_event($client, body => $body, 'webhook-id' => 'msg_1',
                        Cookie => 'hush', Authorization => 'hush',
                        Host => 'x', 'X-Do' => '410'));
    my $json = $body =~ s/(["\\])/\\$1/gr;
    wait_until(sub { ask(GET => "/api/queues/q/events/$id") =~ /"dead"/ });
    like(ask(GET => "/api/queues/q/events/$id"),
         qr/^200\ \Q@{[told($id, 'dead', 1, 410, 'gone', '')
                      =~ s{\}$}{}r]}\E
            "uri":"\/hook\/x","client":"127\.0\.0\.1","webhook_id":"msg_1",
            "headers":\[\["Content-Type","application\/json"\],
            \["Host","x"\],\["X-Do","410"\],\["webhook-id","msg_1"\]\],
            "variables":\[.*\],"body":"\Q$json\E"\}\n\z/x, 'of Munity');
    unlike($Last->{body}, qr/hush/, 'no credentials');
    my %is = $Last->{body} =~ /\["(event|field_workspace_id)","(.*?)"\]/g;
    like($is{event}, qr/^\xc3\xa9%0A$/, 'its variables');
    my $event = told($id, 'dead', 1, 410, 'gone', qq("event":"\xc3\xa9%0A"));
    like(ask(GET => '/api/queues/q/dead'), qr/,\Q$event\E\]\}\n\z/, 'in the list');

    # what an attempt was answered; answer, status, what it is called
    my @answers = (
        ['500', 500, 'internal server error'],
        ['503', 503, 'service unavailable'],
        ['429', 429, 'too many requests'],
        ['close', 502, 'no connection, or no valid answer'],
        ['502', 502, 'no connection, or no valid answer'],
        ['504', 504, 'timed out'],
        ['hang', 504, 'timed out'],
        ['404', 404, 'refused'],
        ['301', 301, 'refused'],
    );

    for (@answers) {
        my ($do, $status, $error) = @$_;
        $id = $send->('', 'X-Do' => $do =~ /hang/ ? $do : "wait0.5 $do",
                      'X-N' => rand);

        # that its destination takes, so that a failure is the event's own
        send_event($client, 'X-Do' => '200');
        wait_until(sub { ask(GET => "/api/queues/q/events/$id")
                         =~ /"attempts":1/ });
        my $told = told($id, 'waiting', 1, $status, $error, '"uri"');
        like(ask(GET => "/api/queues/q/events/$id"),
             qr/^200 \Q@{[$told =~ s{\}$}{}r]}\E/, "answered by $do");
        is(ask($_->[0] => "/api/queues/q/dead/$id$_->[1]"), $NotFound,
           "$_->[0] what waits") for [POST => '/replay'], [DELETE => ''];
    }

    my ($arrived, $due) = $Last->{body} =~ /"(?:arrived|due)":([\d.]+)/g;
    is($arrived, undef, 'a refusal tells nothing');
    ask(GET => "/api/queues/q/events/$id");
    ($arrived, $due) = $Last->{body} =~ /"(?:arrived|due)":([\d.]+)/g;
    cmp_ok(abs(time - $arrived), '<', 20, 'when it arrived');
    cmp_ok(abs($due - $arrived - 3600), '<', 500, 'when it is due');

    # that has not been tried
    $To->pause;
    $id = $send->('y', 'X-Do' => 'hang');
    like(ask(GET => "/api/queues/q/events/$id"),
         qr/^200 \Q@{[told($id, 'waiting', 0, 0, undef, '"uri"')
                      =~ s{\}$}{}r]}\E/,
         'one that has not been tried');
    $To->resume;
    $nginx->finish;
};


subtest 'a large event' => sub {
    my $nginx = nginx('large', location => '', server => <<END);
        server_name gateway;
        location /signed/ {
            webhook signed;
            webhook_signature github $Secret;
            webhook_queue q;
        }
END
    my $client = client();

    # What is shown in slices, the ends of which may be within a character:
    # the body, and how it is printed, undef for base64
    my $mixed = "a\"\\\n\0\x1f\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    my $printed = $mixed =~ s/(["\\])/\\$1/gr =~ s/\n/\\n/r =~ s/\0/\\u0000/r
                         =~ s/\x1f/\\u001F/r;
    my $slice = 96 * 1024;

    my @large = (
        ['x' x (4 << 20), 'x' x (4 << 20)], ["\xff" x (4 << 20)],
        [$mixed x 40_000, $printed x 40_000],
        (map { ["y" x $_ . "\xf0\x9f\x98\x80" x 100_000] } 0 .. 3),
        ['x' x (6 * $slice), 'x' x (6 * $slice)],
        [$mixed x 40_000 . "\xc3"], ['x' x (3 * $slice + 1) . "\xe9"],
        ['x' x (4 * $slice - 1) . "\xe2\x28\xa1" . 'x' x 1000],
        ['x' x (3 * $slice) . "\xed\xa0\x80"],
        (map { ["\xfe" x (3 * $slice + $_)] } 0 .. 2),
    );

    $_->[1] //= $_->[0] for @large[3 .. 6];

    for (@large) {
        my ($body, $text) = @$_;
        my $hmac = hmac_sha256_hex($body, $Secret);
        my $id = id($client->request(POST => '/signed/', $body, 'X-Hub-'
                                     . 'Signature-256' => "sha256=$hmac"));
        my $told = defined $text ? qq("body":"$text"}\n) : '"body_base64":"'
                                       . encode_base64($body, '') . qq("}\n);

        my $answer = $client->request(GET => "/api/queues/q/events/$id");
        is($answer->{status}, 200, 'is shown');
        ok(substr($answer->{body}, -length $told) eq $told, 'with its body');
        is(plain({%$answer, body => substr $answer->{body}, 0,
                                           -length $told}),
           '200 ' . told($id, 'waiting', 0, 0, undef, '"uri":"/signed/",'
                         . qq("client":"127.0.0.1","webhook_id":"$id",)
                         . '"headers":[["Host","localhost"],'
                         . qq(["X-Hub-Signature-256","sha256=$hmac"]],)
                         . qq("variables":[["provider","signed"],)
                         . qq(["id","$id"],)
                         . '["$server_name","gateway"]],')
           =~ s/\}$//r, 'and the rest');

        my $head = client()->request(HEAD => "/api/queues/q/events/$id");
        is($head->{headers}{'content-length'}, length $answer->{body},
           'HEAD tells its length');

        # One who does not wait for the rest, in the middle of it
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => $Port);
        print $socket "GET /api/queues/q/events/$id HTTP/1.0\r\n\r\n";
        my $begin;
        read $socket, $begin, 1000;
        like($begin, qr/^HTTP\S+ 200 /, 'it begins');
        close $socket;
    }

    is(ask(GET => '/api/queues/q') =~ /"waiting":(\d+)/ ? $1 : '',
       scalar @large, 'all goes on');
    $nginx->finish;
};


# --- lists ----------------------------------------------------------------

subtest 'limit and after' => sub {
    my $http = "webhook_queue_path $Root/limit2 queue=second;";
    my $more = sub {
        my $deliver = shift // '';
        return <<END;
        location /second/ {
            webhook munity unknown=pass;
            webhook_secret off;
            webhook_queue second;
        }
        $deliver
END
    };
    my $nginx = nginx('limit', http => $http, pass => $Gone,
                      server => $more->('location @second {
                          webhook_deliver second; ' . "$Gone}"));
    $nginx->expect($Dead);

    my @ids = map { die_off(1) } 1 .. 5;
    my $other = id(send_event(client(), uri => '/second/x'));
    wait_until(sub { ask(GET => '/api/queues/second') =~ /"dead":1/ });

    $nginx->stop;
    config($nginx, http => $http, location => '', server => $more->());
    $nginx->start;

    my $waits = id(send_event(client()));
    my @told = map { gone($_) } @ids;

    is(ask(GET => '/api/queues/q/dead'), list(@told), 'in order of death');
    is(ask(GET => '/api/queues/second/dead'), list(gone($other)),
       'those of another queue');

    for (['limit=1', 0, 0], ['limit=3', 0, 2], ['limit=5', 0, 4],
         ['limit=6', 0, 4], ['limit=1000', 0, 4], ['limit=0002', 0, 1],
         ['&limit=2&&', 0, 1], ['', 0, 4],
         ["after=$ids[0]", 1, 4], ['after=' . uc $ids[0], 1, 4],
         ["after=$ids[2]&limit=1", 3, 3], ["limit=9&after=$ids[3]", 4, 4],
         ["after=$ids[4]", 5, 4])
    {
        my ($args, $from, $to) = @$_;
        is(ask(GET => "/api/queues/q/dead?$args"), list(@told[$from .. $to]),
           "?$args");
    }

    is(ask(GET => "/api/queues/q/dead?$_"), $Limit, "?$_")
        for qw(limit=0 limit=1001 limit=-1 limit=x limit=1x limit= limit=%31
               limit=+1 limit=1.0 limit=0x10 limit=18446744073709551617
               limit=9223372036854775808 limit=x&after=x);

    is(ask(GET => "/api/queues/q/dead?after=$_->[0]"), $After,
       "after $_->[1]")
        for ['', 'nothing'], ['x', 'no UUID'], [$Unknown, 'an unknown one'],
            [$waits, 'one that waits'], [$other, 'one of another queue'],
            ["$ids[0]x", 'something longer'],
            ["$ids[0]%20", 'something encoded'];

    # what is mistyped is not left out
    my %unknown = ('status=404' => 'status', 'limit' => 'limit',
                   'after' => 'after', 'LIMIT=2' => 'LIMIT',
                   'xlimit=2' => 'xlimit', "xafter=$other" => 'xafter',
                   'x=1&limit=2' => 'x', 'limit=2&x' => 'x',
                   '%6Cimit=2' => '%6Cimit', '=' => '', 'a"b\\c=' => 'a?b?c',
                   "\xff=1" => '?', 'limit=2;after=1;x=2' => undef,
                   'n' x 40 . '=1' => 'n' x 32);

    for my $args (sort keys %unknown) {
        my $refused = defined $unknown{$args} ? unknown($unknown{$args})
                                              : $Limit;
        is(ask(GET => "/api/queues/q/dead?$args"), $refused, "?$args");
    }

    for my $args ('limit=2&limit=2', 'limit=2&after=x&limit=x') {
        is(ask(GET => "/api/queues/q/dead?$args"),
           refused(problem => 400, 'limit is there more than once',
                   'unknown_parameter', field => 'limit'), "?$args");
    }

    my $dead = "/api/queues/q/dead/$ids[0]";

    is(ask($_->[0] => "$_->[1]?status=404"), unknown('status'), "@$_")
        for [POST => '/api/queues/q/dead/replay'], [GET => '/api/queues'],
            [GET => '/api/queues/q'], [GET => "/api/queues/q/events/$ids[0]"],
            [POST => "$dead/replay"], [DELETE => $dead];

    is(ask(POST => '/api/queues/q/dead/replay?limit=1'), unknown('limit'),
       'one of another request');
    is(ask(GET => '/api/queues/q/dead'), list(@told), 'nothing was replayed');

    # What has been replayed is no page's end any more.
    is(ask(POST => "/api/queues/q/dead/$ids[1]/replay"),
       qq(200 {"replayed":1}\n),
       'replayed');
    is(ask(GET => "/api/queues/q/dead?after=$ids[1]"), $After, 'after that');
    is(ask(DELETE => "/api/queues/q/dead/$ids[2]"), '204 ', 'deleted');
    is(ask(GET => "/api/queues/q/dead?after=$ids[2]"), $After, 'after that');
    is(ask(GET => "/api/queues/q/dead?after=$ids[0]"), list(@told[3, 4]),
       'the others');
    $nginx->finish;
};

subtest 'a thousand and more' => sub {
    my $nginx = nginx('many', pass => $Gone, workers => 1);
    $nginx->expect($Dead);

    my @ids = die_off(1100);

    is(ask(GET => '/api/queues/q'), queue(0, 1100), 'dead');
    ask(GET => '/api/queues/q/dead');
    is(() = ids(), 100, 'a hundred, by default');
    ask(GET => '/api/queues/q/dead?limit=1000');
    my @all = ids();
    is($Last->{body}, list(map { gone($_) } @all) =~ s/^200 //r
                      =~ s/:T/:0/gr, 'a thousand at most')
        if $Last->{body} =~ s/("(?:arrived|died)":)[\d.]+/${1}0/g;
    is(scalar @all, 1000, 'so many');

    for my $limit (1000, 100, 99, 550) {
        my @pages = pages($limit);
        is(scalar @pages, int(1100 / $limit) + (1100 % $limit ? 2 : 1),
           "pages of $limit");
        is_deeply([sort map { @$_ } @pages], [sort @ids], 'each event once');
        is_deeply([(map { @$_ } @pages)[0 .. 999]], \@all, 'in that order');
    }

    ask(GET => '/api/queues/q/dead?limit=1000');
    my @died = $Last->{body} =~ /"died":([\d.]+)/g;
    is_deeply(\@died, [sort { $a <=> $b } @died], 'in order of death');

    # They die again, perhaps before the last one is replayed.
    is(ask(POST => '/api/queues/q/dead/replay'), qq(200 {"replayed":1100}\n),
       'all are replayed, once');
    ok(wait_until(sub { ask(GET => '/api/queues/q')
                        eq queue(0, 1100) }), 'and are dead again');
    is_deeply([sort map { @$_ } pages(1000)], [sort @ids], 'the same');

    # Nobody delivers now.
    $nginx->stop;
    config($nginx, location => '', workers => 1);
    $nginx->start;

    my @answers = at_once($nginx, ([POST => '/api/queues/q/dead/replay']) x 2);
    my @n = map { /^200 \{"replayed":(\d+)\}\n\z/ ? $1 : 'x' } @answers;
    is(sum(@n), 1100, 'two at once replay them once') or diag("@answers");
    like(ask(GET => '/api/queues/q') =~ s/"oldest_seconds":\d+/"x"/r,
         qr/^200 \{"queue":"q","waiting":1100,"dead":0,"x",/, 'all wait');
    is(ask(POST => '/api/queues/q/dead/replay'), qq(200 {"replayed":0}\n),
       'nothing is left');
    is(ask(GET => '/api/queues/q/dead'), list(), 'nor listed');
    $nginx->finish;
};


# --- changes --------------------------------------------------------------

subtest 'replay and delete' => sub {
    my $http2 = NginxProcess::port(4);
    my $nginx = nginx('change', server => "listen 127.0.0.1:$http2 http2;");
    $nginx->expect($Dead, qr/client prematurely closed/);
    $To->forget;

    my @ids = die_off(3, 'X-Do' => '410, 200');
    my @seen = $To->wait_for(3);
    $To->forget;

    # with whatever body
    is(ask(POST => "/api/queues/q/dead/$ids[0]/replay", body => 'x' x 100000),
       qq(200 {"replayed":1}\n), 'replayed');
    my ($seen) = $To->wait_for(1);
    is($seen->{headers}{'webhook-id'}, $ids[0], 'it comes again');
    is($seen->{headers}{'x-attempt'}, 1, 'for the first time');
    ok(drained(), 'and is delivered');
    is(ask(POST => "/api/queues/q/dead/$ids[0]/replay"), $NotFound, 'no more');
    is(ask(DELETE => "/api/queues/q/dead/$ids[0]"), $NotFound, 'nothing left');
    is(ask(GET => "/api/queues/q/events/$ids[0]"), $NotFound, 'to be seen');

    is(ask(DELETE => "/api/queues/q/dead/$ids[1]", body => 'x' x 100000),
       '204 ', 'deleted');
    is($Last->{headers}{'content-length'}, undef, 'without a body');
    is(ask(DELETE => "/api/queues/q/dead/$ids[1]"), $NotFound, 'only once');
    is(ask(POST => "/api/queues/q/dead/$ids[1]/replay"), $NotFound,
       'and for good');
    is(ask(GET => '/api/queues/q'), queue(0, 1), 'one is left');

    $To->forget;
    is(ask(POST => '/api/queues/q/dead/replay', body => '{}'),
       qq(200 {"replayed":1}\n), 'all');
    is(($To->wait_for(1))[0]{headers}{'webhook-id'}, $ids[2], 'comes again');
    ok(drained(), 'and is delivered');
    is(ask(POST => '/api/queues/q/dead/replay'), qq(200 {"replayed":0}\n),
       'none');
    is(ask(GET => '/api/queues/q'), queue(0, 0), 'nothing is left');

    # HTTP/2
    @ids = die_off(2, 'X-Do' => '410, 200');
    my $socket = dial2($http2);
    put($socket, headers(1, 'GET', "/api/queues/q/dead?limit=1", 1));
    like(answer2($socket, 1), qr/^200 \{"dead":\[\{"id":"[^\[\]]*\}\]\}\n\z/,
         'HTTP/2: a list');
    put($socket, headers(3, 'DELETE', "/api/queues/q/dead/$ids[0]", 1));
    is(answer2($socket, 3), '204 ', 'deleted');
    put($socket, headers(5, 'DELETE', "/api/queues/q/dead/$ids[0]", 1));
    is(answer2($socket, 5), $NotFound, 'once');
    put($socket, headers(7, 'POST', "/api/queues/q/dead/$ids[1]/replay", 1));
    is(answer2($socket, 7), qq(200 {"replayed":1}\n), 'replayed');
    ok(drained(), 'and delivered');

    # who does not wait for the answer
    @ids = die_off(20);

    for (@ids[0 .. 9]) {
        $socket = dial($Port);
        put($socket, request('DELETE', "/api/queues/q/dead/$_", ''));
        close $socket;
        $socket = dial2($http2);
        put($socket, headers(1, 'POST', '/api/queues/q/dead/replay', 1),
            HTTPClient::reset_stream(1));
        close $socket;
    }

    # Some of it may be done later.
    my $left = sub {
        ask(GET => '/api/queues/q/dead');
        my %left = map { $_ => 1 } ids();
        return scalar grep { $left{$_} } @_;
    };

    ok(wait_until(sub { $left->(@ids[10 .. 19]) == 10 }),
       'what nobody deletes stays');
    $nginx->finish;
};

subtest 'the same, at once' => sub {
    my $nginx = nginx('once', pass => $Gone);
    $nginx->expect($Dead);
    my @ids = die_off(6);

    $nginx->stop;
    config($nginx, location => '', workers => 1);
    $nginx->start;

    my @gone = sort '204 ', $NotFound;
    my @replayed = sort qq(200 {"replayed":1}\n), $NotFound;
    my @both = ([DELETE => "/api/queues/q/dead/$ids[2]"],
                [POST => "/api/queues/q/dead/$ids[2]/replay"]);

    is_deeply([sort(at_once($nginx,
                            ([DELETE => "/api/queues/q/dead/$ids[0]"]) x 2))],
              \@gone, 'two delete');
    is_deeply([sort(at_once($nginx, ([POST => "/api/queues/q/dead/$ids[1]"
                                              . '/replay']) x 2))],
              \@replayed, 'two replay');
    is(scalar(grep { $_ eq $NotFound } at_once($nginx, @both)), 1,
       'one deletes, another replays');

    # what is deleted meanwhile is not counted
    my ($deleted, $replayed)
        = at_once($nginx, [DELETE => "/api/queues/q/dead/$ids[3]"],
                  [POST => '/api/queues/q/dead/replay']);
    my ($n) = $replayed =~ /^200 \{"replayed":(\d)\}\n\z/;
    is($n + ($deleted eq '204 '), 3, 'one deletes, another replays all')
        or diag("$deleted, $replayed");
    is(ask(GET => '/api/queues/q/dead'), list(), 'nothing is dead');
    $nginx->finish;
};

subtest 'events that move while they are read' => sub {
    my $nginx = nginx('move', pass => $Gone);
    $nginx->expect($Dead);
    my @ids = die_off(3);

    # from one table to the other and back
    my $load = NginxProcess::load(3, sub {
        my ($n, $client, $k) = @_;
        my $answer = $client->request(
            $n == 0 ? (POST => '/api/queues/q/dead/replay')
            : (GET => $n == 1 ? "/api/queues/q/events/$ids[$k % 3]"
                              : '/api/queues/q/dead'));

        my $events = () = $answer->{body} =~ /"id":/g;
        my $named = () = $answer->{body} =~ /"event":"e"|"body":/g;
        return ($answer->{status}, $n && $events != $named ? 'odd' : ());
    });

    sleep 2;
    my @lines = $load->stop;

    for (0 .. 2) {
        my $name = ('replayed', 'shown', 'listed')[$_];
        my $n = @{$lines[$_]};
        cmp_ok($n, '>', 10, "$name: $n times");
        is_deeply([uniq map { "@$_" } @{$lines[$_]}], [200], 'always');
    }

    $nginx->finish;
};

subtest 'several workers' => sub {
    my $nginx = nginx('workers', pass => $Gone, workers => 3);
    $nginx->expect($Dead);
    my @ids = map { die_off(1) } 1 .. 4;

    $nginx->stop;
    config($nginx, location => '', workers => 3);
    $nginx->start;
    wait_until(sub { $nginx->workers == 3 });

    my @workers = $nginx->workers;
    my %client;

    # a connection of each worker's
    my $by = sub {
        my ($n, @request) = @_;

        return plain(NginxProcess::only($workers[$n], \@workers, sub {
            my $client = $client{$n} //= client();
            $client->request(@request);
        }));
    };

    is($by->($_, GET => '/api/queues/q/dead'), list(map { gone($_) } @ids),
       'each has the same') for 0 .. 2;
    is($by->(0, DELETE => "/api/queues/q/dead/$ids[0]"), '204 ', 'one deletes');
    is($by->($_, DELETE => "/api/queues/q/dead/$ids[0]"), $NotFound,
       'another has it not') for 1, 2;
    is($by->(1, POST => "/api/queues/q/dead/$ids[1]/replay"),
       qq(200 {"replayed":1}\n), 'one replays');
    is($by->($_, GET => '/api/queues/q/dead'),
       list(map { gone($_) } @ids[2, 3]), 'others see it') for 2, 0;
    is($by->(2, POST => '/api/queues/q/dead/replay'), qq(200 {"replayed":2}\n),
       'and all');
    is($by->($_, GET => '/api/queues/q') =~ s/"oldest_seconds":\d+/"x"/r,
       queue(3, 0) =~ s/"oldest_seconds":\d+/"x"/r,
       'others see these') for 0, 1;
    $nginx->finish;
};


# --- who may --------------------------------------------------------------

subtest 'the secret' => sub {
    my $nginx = nginx('secret', pass => $Gone, server => <<'END');
        location /admin/ {
            webhook_api;
            webhook_secret s3cr3t;
            webhook_secret another;
        }
        location /named/ {
            webhook_api;
            webhook_secret s3cr3t;
            webhook_secret_header X-Admin;
        }
END
    $nginx->expect($Dead);
    my ($id) = die_off(1);
    my $one = queue(0, 1);

    for ([GET => 'queues'], [GET => 'queues/q'], [GET => 'queues/q/dead'],
         [GET => "queues/q/events/$id"], [DELETE => "queues/q/dead/$id"],
         [POST => "queues/q/dead/$id/replay"], [POST => 'queues/q/dead/replay'])
    {
        my ($method, $path) = @$_;
        is(ask($method => "/admin/$path"), $Missing, "$method $path");
        is($Last->{headers}{'www-authenticate'}, 'X-Secret', 'the challenge');
        is(ask($method => "/admin/$path", 'X-Secret' => $_), $Invalid, "'$_'")
            for '', 's3cr3', 's3cr3tt', 'S3cr3t';
        is(ask($method => "/named/$path", 'X-Secret' => 's3cr3t'), $Missing,
           'another header');
        is($Last->{headers}{'www-authenticate'}, 'X-Admin', 'its challenge');
    }

    is(ask(HEAD => '/admin/queues'), '401 ', 'HEAD');
    is(ask(GET => '/admin/queues/q/dead?limit=x'), $Missing, 'before limit');
    is(ask(GET => "/admin/queues/q/events/$Unknown"), $Missing,
       'before it is looked for');
    is(ask(GET => '/admin/queues/none'), $NotFound, 'after the route');
    is(ask(PUT => '/admin/queues/q', body => ''), $Method, 'and the method');

    my $socket = dial($Port);
    put($socket, request('GET', '/admin/queues', undef,
                         'X-Secret' => ['s3cr3t', 's3cr3t']));
    is(HTTPClient::answer($socket), $Invalid, 'twice');

    is(ask(GET => '/api/queues/q'), $one, 'nothing has changed');
    is(ask(GET => '/admin/queues/q', 'X-Secret' => $_), $one, $_)
        for 's3cr3t', 'another';
    is(ask(GET => '/named/queues/q', 'X-Admin' => 's3cr3t'), $one, 'its own');
    is(ask(DELETE => "/admin/queues/q/dead/$id", 'X-Secret' => 'another'),
       '204 ', 'deleted');
    $nginx->finish;
};

subtest 'nginx\'s own rules' => sub {
    my $second = NginxProcess::port(2);
    my $nginx = nginx('rules', pass => $Gone, server => <<END);
        listen 127.0.0.2:$second;

        location /read/ {
            webhook_api;
            webhook_secret off;
            limit_except GET { deny all; }
        }
        location /write/ {
            webhook_api;
            webhook_secret s3cr3t;
            limit_except GET { allow 127.0.0.1; deny all; }
        }
        location /here {
            allow 127.0.0.1;
            deny all;
            webhook_api;
            webhook_secret s3cr3t;
        }
        location /there {
            allow 127.0.0.2;
            deny all;
            webhook_api;
            webhook_secret s3cr3t;
        }
        location /either/ {
            satisfy any;
            deny all;
            webhook_api;
            webhook_secret s3cr3t;
        }
        location /page/ {
            webhook_api;
            webhook_secret off;
            error_page 404 =200 /api/queues/q;
        }
        location /subrequest/ {
            auth_request /api/queues/q;
        }
END
    $nginx->expect($Dead, $Forbidden, qr/"\S*queues\/q" failed/,
                   qr/auth request unexpected status: 404/);
    my ($first, $id) = map { die_off(1) } 1, 2;
    my $two = queue(0, 2);
    my @secret = ('X-Secret' => 's3cr3t');

    # its own page
    my $forbidden = sub {
        my $text = ask(@_);
        return $text =~ /^403 <html>.*403 Forbidden/s ? 403 : $text;
    };

    is(ask(GET => '/read/queues/q'), $two, 'read-only: GET');
    is(ask(HEAD => '/read/queues/q'), '200 ', 'HEAD');
    is(ask(GET => "/read/queues/q/dead"), list(map { gone($_) } $first, $id),
       'the list');
    is($forbidden->($_->[0] => "/read/queues/q/dead/$_->[1]"), 403,
       "$_->[0] $_->[1]") for [DELETE => $id], [POST => "$id/replay"],
                              [POST => 'replay'];
    is(ask(GET => '/api/queues/q'), $two, 'nothing has changed');

    is(ask(POST => "/write/queues/q/dead/$first/replay"), $Missing,
       'within limit_except: the secret');
    is(ask(DELETE => "/write/queues/q/dead/$first", @secret), '204 ',
       'and what is asked for');

    is(ask(GET => '/here/queues/q', @secret), queue(0, 1), 'allowed');
    is(ask(GET => '/here/queues/q'), $Missing, 'without the secret');
    is($forbidden->(GET => '/there/queues/q', @secret), 403, 'denied');
    is($forbidden->(DELETE => "/there/queues/q/dead/$id", @secret), 403,
       'to delete');

    is(ask(GET => '/either/queues/q', @secret), queue(0, 1),
       'satisfy any: the secret');
    is(ask(GET => '/either/queues/q'), $Missing, 'none of both');

    is(ask(GET => '/page/queues/none'), queue(0, 1),
       'error_page leads to another location');
    like(ask(GET => '/subrequest/'), qr/^500 <html>/,
         'a subrequest sees nothing');
    $nginx->finish;
};


# --- queues that can't be used --------------------------------------------

# What each request is answered
sub all_answered {
    my ($answer, $id, $name) = @_;

    for ([GET => 'queues/q'], [GET => 'queues/q/dead'],
         [GET => "queues/q/dead?after=$id"], [GET => 'queues/q/dead?limit=0'],
         [GET => "queues/q/events/$id"], [POST => 'queues/q/dead/replay'],
         [POST => "queues/q/dead/$id/replay"], [DELETE => "queues/q/dead/$id"])
    {
        is(ask($_->[0] => "/api/$_->[1]"), $answer, "$name: @$_");
        is($Last->{headers}{'retry-after'}, 10, 'Retry-After');
    }
}

subtest 'a queue that can\'t be opened' => sub {
    my $nginx = nginx('away', pass => $Gone, workers => 1,
                      http => "webhook_queue_path $Root/stays queue=stays;");
    my $queue = "$Root/queue.away";
    $nginx->expect($Dead, qr/\[emerg\].*\Q$queue\E/);

    my ($id) = die_off(1);
    rename $queue, "$queue.moved";
    ok($nginx->replace($nginx->workers), 'another worker');

    all_answered($Failed, $id, 'away');
    is(ask(HEAD => '/api/queues/q'), '503 ', 'HEAD');
    is(ask(GET => '/api/queues/none'), $NotFound, 'an unknown queue');
    is(ask(GET => '/api/queues/q/events/x'), $NotFound, 'no id');
    is(ask(POST => '/api/queues/q', body => ''), $Method, 'a wrong method');
    is(ask(GET => '/api/queues/stays'), queue(0, 0, name => 'stays'),
       'another queue');
    is(ask(GET => '/api/queues'),
       '200 {"queues":[' . counts(0, 0, name => 'stays')
       . ',{"queue":"q","error":"store_failed"}]}' . "\n", 'which is listed');

    rename "$queue.moved", $queue;
    ok(wait_until(sub { ask(GET => '/api/queues/q') eq queue(0, 1) }),
       'it is back');
    is(ask(DELETE => "/api/queues/q/dead/$id"), '204 ', 'and can be changed');
    $nginx->finish;
};

subtest 'what can\'t be written' => sub {
    my $nginx = NginxProcess->new(name => 'limited', command =>
        ['sh', '-c', "trap '' XFSZ; exec \"\$0\" \"\$@\""]);
    config($nginx, pass => $Gone, workers => 1)->start;
    $nginx->expect($Dead, qr/\[crit\].*"\Q$Root\E\/queue\.limited"/);
    my @ids = die_off(300);

    my $limit = sub {
        system('prlimit', "--fsize=$_[0]:", '--pid=' . ($nginx->workers)[0])
            == 0 or die 'prlimit';
    };

    # enough for the two pages that begin the file, and for nothing else
    $limit->(8192);

    is(ask(@$_), $Failed, "@$_")
        for [DELETE => "/api/queues/q/dead/$ids[0]"],
            [POST => "/api/queues/q/dead/$ids[0]/replay"],
            [POST => '/api/queues/q/dead/replay'];

    is(ask(GET => '/api/queues/q'), queue(0, 300),
       'nothing has changed');
    ask(GET => '/api/queues/q/dead?limit=1000');
    is_deeply([sort(ids())], [sort @ids], 'and all can be read');

    $limit->('unlimited');
    is(ask(DELETE => "/api/queues/q/dead/$ids[0]"), '204 ', 'it goes on');
    is(ask(POST => '/api/queues/q/dead/replay'), qq(200 {"replayed":299}\n),
       'all');
    $nginx->finish;
};

subtest 'a queue that is full of dead letters' => sub {
    my $nginx = nginx('full', queue => 'max_size=256k', pass => $Gone);
    $nginx->expect($Dead);

    my @ids = map { id(send_event(client(), body => event('x' x 3000))) }
                  1 .. 150;
    is(scalar(grep { $_ } @ids), 150, 'all are acknowledged');
    ok(wait_until(sub { waiting() == 0 }), 'and die');

    my $n = dead();
    cmp_ok($n, '>', 20, "$n are kept");
    cmp_ok($n, '<', 150, 'the others gave way');
    @ids = @ids[-$n .. -1];

    is(ask(GET => '/api/queues/q'), queue(0, $n, max => 262144),
       'as many');
    is(ask(GET => "/api/queues/q/events/$_") =~ /^(\d+)/ ? $1 : '', 200,
       'the newest') for @ids[0, -1];
    is(ask(POST => "/api/queues/q/dead/$ids[0]/replay"),
       qq(200 {"replayed":1}\n),
       'one is replayed');
    ok(wait_until(sub { dead() == $n }), 'and dies');
    is(ask(POST => '/api/queues/q/dead/replay'), qq(200 {"replayed":$n}\n),
       'all are');
    ok(wait_until(sub { dead() == $n }), 'and die');
    is(ask(DELETE => "/api/queues/q/dead/$_"), '204 ', 'deleted')
        for @ids[0 .. 9];
    ok(id(send_event(client())), 'there is room');
    $nginx->finish;
};

subtest 'records that are damaged' => sub {
    my $nginx = nginx('damaged', pass => $Gone, workers => 1);
    my $queue = "$Root/queue.damaged";
    $nginx->expect($Dead, qr/\[(?:crit|alert)\].*\Q$queue\E/);

    my ($good, $bad, $worse) = map { die_off(1) } 1 .. 3;
    $nginx->stop;
    my $whole = NginxProcess::read_file($queue);

    # A record is its id, a byte, and ten numbers, of which the second is that
    # of the contents, and the ninth the length of their head.  A page has the
    # length of a key before it.
    my $damage = sub {
        my ($id, $what) = @_;
        my $bytes = pack 'H*', $id =~ tr/-//dr;
        my $content = NginxProcess::read_file($queue);
        my ($number) = $content =~ /\Q$bytes\E\x01.{8}(.{8})/s;
        my %pattern = (id => qr/()\Q$bytes\E(?=\x01.{80})/s,
                       head => qr/(\Q$bytes\E\x01.{64}).{8}/s,
                       text => qr/((?<=\x10\0)\Q$number\E\0{8}).{8}/s);
        my $n = $content =~ s/$pattern{$what}
                             /$1 . "\xff" x ($what eq 'id' ? 16 : 8)/xge;
        cmp_ok($n, '>', 0, 'damaged');
        NginxProcess::write_file($queue, $content);
    };

    # a head that is longer than all, and one whose first text is
    $damage->($bad, 'head');
    $damage->($worse, 'text');
    $nginx->start;

    my @told = (gone($good), map { gone($_) =~ s/,"event":"e"//r }
                                 $bad, $worse);
    is(ask(GET => '/api/queues/q/dead'), list(@told),
       'are listed without their event');
    is(ask(GET => "/api/queues/q/events/$_"), $Failed, 'and are not shown')
        for $bad, $worse;
    like(ask(GET => "/api/queues/q/events/$good"), qr/^200 /,
         'the good one is');
    is(ask(DELETE => "/api/queues/q/dead/$_"), '204 ', 'they can be deleted')
        for $bad, $worse;
    is(ask(GET => '/api/queues/q/dead'), list(gone($good)), 'and are gone');

    # one that the index does not know
    $nginx->stop;
    NginxProcess::write_file($queue, $whole);
    $damage->($bad, 'id');
    $nginx->start;

    is(ask(GET => '/api/queues/q/dead'), $Failed, 'a list with a stranger');
    is(ask(POST => '/api/queues/q/dead/replay'), $Failed, 'is not replayed');
    is(ask(GET => '/api/queues/q'), queue(0, 3), 'but counted');
    $nginx->finish;
};

$To->stop;
done_testing();
