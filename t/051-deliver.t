use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use QueueTest qw(config nginx event send_event send_events client id waiting dead
                 drained descriptors numbers sorted);
use Destination;
use Test::More;

use IO::Socket::INET ();

use Time::HiRes qw(sleep time);

# What becomes of an event that was acknowledged: when it is delivered, where to
# and how often.  What happens to nginx meanwhile is in 054-deliver-process.t.

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;
my $To = Destination->new(port => NginxProcess::port(1))->start;

my $Refused = qr/Connection refused/;
my $Dead = qr/webhook queue "q": event [0-9a-f-]{36} is dead after attempt/;
my $Failing = qr/webhook queue "q": destination [0-9a-f]{16} is failing, /;


# --- beside nginx's other directives --------------------------------------

subtest 'what fails at once' => sub {
    my $nginx = nginx('at-once', retry => '200ms 200ms',
                      pass => 'empty_gif;');
    $nginx->expect($Dead);

    is(scalar(send_events(20)), 20, 'acknowledged');
    ok(wait_until(sub { (dead() // 0) == 20 }), 'and dead');
    $nginx->finish;
};

subtest 'many that fail at once' => sub {
    my $nginx = NginxProcess->new(name => 'turns');
    config($nginx, workers => 1, location => '')->start;
    is(scalar(send_events(2000)), 2000, 'waiting');
    $nginx->stop('QUIT');

    # What is logged in one turn of the event loop has the same time.
    config($nginx, workers => 1, retry => '1h',
           http => 'log_format time $msec;',
           more => 'access_log logs/turns time;',
           pass => 'empty_gif;')->start;
    $nginx->expect(qr/is not delivered: no location/);

    my $log = sub { eval { NginxProcess::read_file("$Root/logs/turns") } // '' };
    ok(wait_until(sub { ($log->() =~ tr/\n//) == 2000 }), 'all were tried');

    my %n;
    $n{$_}++ for split /\n/, $log->();
    my ($most) = sort { $b <=> $a } values %n;
    cmp_ok($most, '<=', 250, 'the event loop turns meanwhile');

    unlink "$Root/logs/turns";
    $nginx->finish;
};

subtest 'a request of a client' => sub {
    my $nginx = nginx('client', location => '/deliver/');
    my $client = client();
    $To->forget;

    my $answer = $client->request(POST => '/deliver/x', '{}');
    is($answer->{status}, 404, 'does not go this way');
    send_events(1);
    is(scalar($To->wait_for(1)), 1, 'an event does');
    sleep 0.2;
    is($To->count, 1, 'and nothing else');
    $nginx->finish;
};

subtest 'a shorter webhook_retry' => sub {
    my $nginx = nginx('shorter', retry => '1h');
    $To->forget;

    send_events(3, 'X-Do' => '500, 200');
    $To->wait_for(3);
    ok(wait_until(sub { waiting() == 3 }), 'an hour to wait');

    config($nginx, retry => '300ms');
    $nginx->reload;
    is(scalar($To->wait_for(6, 10)), 6, 'is over after a reload');
    ok(drained(), 'delivered');
    $nginx->finish;
};

subtest 'limit_req' => sub {
    my $nginx = nginx('limit-req',
                      http => 'limit_req_zone $host zone=l:1m rate=5r/s;',
                      more => 'limit_req zone=l burst=100;');
    $To->forget;

    my @sent = send_events(5);
    my @seen = $To->wait_for(5);

    is_deeply(sorted(numbers(@seen)), \@sent, 'all of them');
    cmp_ok($seen[-1]{time} - $seen[0]{time}, '>', 0.5, 'but not at once');
    $nginx->finish;
};

subtest 'X-Accel-Redirect' => sub {
    my $inside = "proxy_set_header X-Inside yes;\n"
                 . 'proxy_pass http://127.0.0.1:' . NginxProcess::port(1) . ';';
    my $nginx = nginx('accel', server => <<"END");
        location /inside { internal; $inside }
        location \@inside { $inside }
END
    $To->forget;

    send_events(1, 'X-Do' => "200;X-Accel-Redirect=$_")
        for qw(/inside @inside /hook/);
    $To->wait_for(3);
    ok(drained(), 'delivered');

    my @seen = $To->seen;
    is(scalar(@seen), 3, 'once each');
    is(scalar(grep { $_->{headers}{'x-inside'} } @seen), 0,
       'an application leads nowhere else');
    $nginx->finish;
};

subtest 'X-Accel-Redirect of an attempt that failed' => sub {
    my $to = NginxProcess::port(1);

    for my $more ('', "if (\$webhook_attempt) { proxy_pass http://127.0.0.1:$to; }",
                  "limit_except GET { proxy_pass http://127.0.0.1:$to; }")
    {
        my $nginx = nginx('accel-failed', location => '/deliver/',
                          more => $more, server => <<'END');
        location = /secret { return 200; }
END
        $To->forget;

        my @sent = send_events(1, 'X-Do' => '500;X-Accel-Redirect=/secret, 200');
        my @seen = $To->wait_for(2);
        is_deeply([numbers(@seen)], [@sent, @sent],
                  "the destination's own status counts");
        ok(drained(), 'delivered by the second attempt');
        $nginx->finish;
    }
};

subtest 'the host of an event without one' => sub {
    my $nginx = nginx('no-host', server => 'server_name front.example;',
                      more => 'proxy_set_header X-Host "<$host>";');
    $To->forget;

    my $body = QueueTest::event();
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => NginxProcess::port(0))
        or die "connect: $!";

    print $socket "POST /hook/x HTTP/1.0\r\n"
                  . "Content-Type: application/json\r\n"
                  . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
    like(join('', <$socket>), qr{^HTTP/1\.1 202 }, 'accepted');

    my ($seen) = $To->wait_for(1);
    is($seen->{headers}{'x-host'}, '<front.example>',
       'is the name of the server');
    $nginx->finish;
};

subtest 'triggers that the queue has no room for' => sub {
    my $app = '8a1a7c1f-6f0c-4c8e-9c7e-0f3c2b1a4d5e';
    my $nginx = nginx('triggers', queue => 'max_size=128k', location => '',
                      http => <<'END', from => <<END);
    webhook_zone zone=hooks:1m;
    webhook_status_zone zone=status:128k;
END
        location /hook/ {
            webhook lenra zone=hooks;
            webhook_app $app environment=1 token=hush;
            webhook_queue q;
        }
        location = /status {
            webhook_status zone=status json;
            webhook_secret off;
        }
END
    $nginx->expect(qr/\[crit\].*webhook queue "\S+" is full/,
                   qr/is not delivered: no location/);

    my $client = client();
    my $answer = $client->request(POST => '/hook/app/webhooks',
                                  '{"action":"a"}', Authorization => 'Bearer hush',
                                  'Content-Type' => 'application/json');
    my ($uuid) = $answer->{body} =~ /"uuid":"([^"]+)"/;
    my $taken = 0;

    while (($answer = $client->request(POST => "/hook/apps/$app/webhooks/$uuid",
                                       '{"a":"' . 'x' x 4000 . '"}',
                                       'Content-Type' => 'application/json'))
           ->{status} == 202)
    {
        $taken++;
    }

    is($answer->{status}, 503, 'it is full');
    cmp_ok($taken, '>', 0, "after $taken triggers");
    like($client->request(GET => '/status')->{body}, qr/"triggers":$taken\b/,
         'those that were accepted are counted');
    $nginx->finish;
};

subtest 'variables of connections' => sub {
    my @names = qw(remote_addr remote_port server_addr server_port server_name
                   scheme host http_host hostname request_method request_uri uri
                   document_uri args query_string request server_protocol
                   content_type content_length https connection
                   connection_requests connection_time request_length
                   request_time proxy_protocol_addr proxy_protocol_port
                   tcpinfo_rtt status bytes_sent body_bytes_sent pipe
                   request_body request_completion http_user_agent);
    my $format = join ' ', map { "$_=[\$$_]" } @names;

    for my $location ('@deliver', '/deliver/') {
        my $nginx = nginx('variables', location => $location,
                          http => "log_format all escape=none '$format';",
                          more => "access_log logs/all all;\n"
                                  . "proxy_set_header X-All '$format';");
        $To->forget;

        my $client = client();
        my $port = $client->connect->sockport;
        my $body = event();
        send_event($client, uri => '/hook/a%20b?c=d', body => $body,
                   'User-Agent' => 'me', Host => 'there:81');

        my ($seen) = $To->wait_for(1);
        my $all = $seen->{headers}{'x-all'};
        my %is = $all =~ /(\w+)=\[(.*?)\](?= |$)/g;

        my %expected = (
            remote_addr => '127.0.0.1', remote_port => $port,
            server_addr => '127.0.0.1', server_port => NginxProcess::port(0),
            scheme => 'http', host => 'there', http_host => 'there:81',
            request_method => 'POST', request_uri => '/hook/a%20b?c=d',
            args => 'c=d', server_protocol => 'HTTP/1.1',
            request => 'POST /hook/a%20b?c=d HTTP/1.1',
            content_type => 'application/json', content_length => length $body,
            http_user_agent => 'me', request_body => $body,
        );

        is_deeply({map { $_ => $is{$_} } keys %expected}, \%expected,
                  "as the event had them, in location $location");

        ok(drained(), 'delivered');
        like(NginxProcess::read_file("$Root/logs/all"),
             qr/server_port=\[\d+\].*status=\[200\]/, 'and logged');
        unlink "$Root/logs/all", glob "$Root/queue.variables*";
        $nginx->finish;
    }
};

subtest 'error_page is no success' => sub {
    for my $intercept ('off', 'on') {
        my $nginx = nginx("error-page-$intercept", server => <<END);
        error_page 404 500 502 503 504 =200 /sorry;
        proxy_intercept_errors $intercept;
        recursive_error_pages on;
        location = /sorry { return 200 sorry; }
END
        $nginx->expect(qr/upstream prematurely closed/, $Failing);
        $To->forget;

        send_events(1, 'X-Do' => '500, close, 404, 200');
        my @seen = $To->wait_for(4);
        is_deeply([map { $_->{headers}{'x-attempt'} } @seen], [1, 2, 2, 3],
                  'each failure of its own is one');
        ok(drained(), 'until it is none');
        sleep 0.3;
        is($To->count, 4, 'then it is over');
        $nginx->finish;
    }
};

subtest 'access rules are for clients' => sub {
    NginxProcess::write_file("$Root/conf/users", "me:{PLAIN}hush\n");

    my $rules = "allow 127.0.0.2; deny all;\n"
                . "auth_basic closed;\nauth_basic_user_file users;";
    my $nginx = nginx('access', server => $rules,
                      hook => 'allow all; auth_basic off;',
                      more => "$rules\n limit_except GET { deny all; }",
                      location => '/deliver/');
    $To->forget;

    my @sent = send_events(3);
    is_deeply(sorted(numbers($To->wait_for(3))), \@sent, 'delivered');

    is(send_event(client(), uri => '/deliver/x')->{status}, 404,
       'but nobody else gets there');
    $nginx->finish;
};

subtest 'filters and other modules' => sub {
    my $to = NginxProcess::port(1);
    my $nginx = nginx('filters', server => <<END, more => <<'END');
        location = /mirror {
            internal;
            proxy_pass http://127.0.0.1:$to;
            proxy_set_header X-Do close;
            proxy_set_header X-Mirror 1;
        }
END
        gzip on;
        gzip_types *;
        gzip_min_length 1;
        ssi on;
        ssi_types *;
        add_header X-More more always;
        expires 1h;
        lingering_close always;
        reset_timedout_connection on;
        client_max_body_size 1;
        client_body_in_file_only on;
        keepalive_timeout 0;
        limit_rate 10;
        etag on;
        chunked_transfer_encoding off;
        proxy_request_buffering off;
        mirror /mirror;
        access_log logs/delivered;
END
    $To->forget;

    my @sent = send_events(3, 'Accept-Encoding' => 'gzip', 'Range' => 'bytes=1-',
                           'If-None-Match' => '*',
                           'If-Modified-Since' => 'Thu, 01 Jan 1970 00:00:00');
    my @seen = $To->wait_for(6);
    is_deeply(sorted(map { $_->{headers}{'x-mirror'} ? () : numbers($_) } @seen),
              \@sent, 'delivered');
    is_deeply(sorted(map { $_->{headers}{'x-mirror'} ? numbers($_) : () } @seen),
              \@sent, 'and mirrored');
    ok(drained(), 'successfully');
    sleep 0.2;
    is($To->count, 6, 'and once');
    $nginx->expect(qr/upstream prematurely closed.*subrequest: "\/mirror"/);

    my @log = split /\n/, NginxProcess::read_file("$Root/logs/delivered");
    is(scalar(grep { m{^127\.0\.0\.1 - - \[.*\] "POST /hook/x HTTP/1\.1" 200 } }
                   @log), 3, 'each is in the access log')
        or diag(join "\n", @log);
    $nginx->finish;
};


# --- when attempts are made -----------------------------------------------

subtest 'a retry that is due while nginx reloads' => sub {
    my $nginx = nginx('reload-retry', workers => 1, retry => '100ms');
    $To->forget;

    send_events(1, 'X-Do' => 'wait1.5 500, 200');
    $To->wait_for(1);
    $nginx->reload(keep => 1);

    my @seen = $To->wait_for(2, 12);
    is(scalar @seen, 2, 'it comes soon');
    ok(drained(), 'and that was all');
    $nginx->finish;
};

subtest 'connections are scarce' => sub {
    my $nginx = NginxProcess->new(name => 'scarce');
    config($nginx, workers => 1, retry => '60s', hook => 'keepalive_timeout 0;',
           server => 'keepalive_timeout 60s; client_header_timeout 60s;');
    my $file = "$Root/conf/nginx.conf";
    NginxProcess::write_file($file,
        NginxProcess::read_file($file)
            =~ s/worker_connections \K\d+/64/r);
    $nginx->start;
    $To->forget;

    # Something is due much later.
    send_events(1, 'X-Do' => '500');
    $To->wait_for(1);

    # Connections that have not sent a request yet can't be taken away.
    my @clients = map { client() } 1 .. 50;
    for (@clients) { $_->connect->syswrite("GET / HTTP/1.1\r\n") }
    sleep 0.3;

    my @sent = send_events(3);
    is(scalar @sent, 3, 'there is one left to take events');
    sleep 0.5;
    is($To->count, 1, 'but none to deliver them');

    $_->close for @clients;
    is(scalar $To->wait_for(4, 10), 4, 'until there are');

    # Those that wait for another request can be.
    @clients = map { client() } 1 .. 45;
    for (@clients) { $_->request(GET => '/none') }
    @sent = send_events(3);
    is(scalar $To->wait_for(7), 7, 'idle ones make room');

    $nginx->expect(qr/\[error\].*"\S*none" failed/);
    $nginx->finish;
};


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

# Waits until an event is as it should be; returns what is told then.
sub wait_told {
    my ($id, %is) = @_;
    my $told;

    wait_until(sub {
        $told = told($id);
        return !grep { ($told->{$_} // '') ne $is{$_} } keys %is;
    });

    return $told;
}

subtest 'webhook_retry' => sub {
    my $nginx = nginx('retry', retry => '300ms 600ms 1200ms',
                      more => 'proxy_set_header X-Event $webhook_event;');
    $nginx->expect($Dead);
    $To->forget;

    my $id = id(send_event(client(), 'X-Do' => '500'));
    my @seen = $To->wait_for(4);
    my @gaps = gaps(@seen);

    for (0 .. 2) {
        my $slot = (0.3, 0.6, 1.2)[$_];

        # Nothing is early; how late it is depends on the machine.
        cmp_ok($gaps[$_], '>=', 0.9 * $slot - 0.01, "slot $slot");
        cmp_ok($gaps[$_], '<', 1.1 * $slot + 1, 'not much later');
    }

    my $told = wait_told($id, state => 'dead');
    is("$told->{state} $told->{attempts} $told->{status}", 'dead 4 500',
       'then it is dead');

    sleep 1.5;
    is($To->count, 4, 'and left alone');

    @seen = $To->seen;
    is_deeply([map { $_->{headers}{'x-attempt'} } @seen], [1 .. 4], 'attempts');
    is_deeply([map { $_->{headers}{'webhook-id'} } @seen], [($id) x 4],
              'have one id');
    is_deeply([map { $_->{headers}{'x-event'} } @seen], [('e') x 4],
              'and other variables');
    is(scalar(grep { $_->{body} ne $seen[0]{body} } @seen), 0, 'and a body');
    $nginx->finish;
};

subtest 'a limit of time for an attempt' => sub {
    my $nginx = nginx('timeout', deliver => 'concurrency=4 timeout=500ms',
                      more => 'proxy_read_timeout 60s;', workers => 1);
    $nginx->expect(qr/delivery has taken too long \(110: /);
    my $worker = ($nginx->workers)[0];

    send_events(1);
    ok(drained(), 'delivered');
    my $before = descriptors($worker);
    $To->forget;

    my @sent = map { send_events(1, 'X-Do' => $_) }
                   'hang, 200', 'crawl, 200', 'drip', 'wait0.2';
    my $from = time;
    my @seen = $To->wait_for(6);

    cmp_ok(time - $from, '<', 3, 'it does not take as long as it might');
    is_deeply(sorted(numbers(@seen)), [sort { $a <=> $b } @sent, @sent[0, 1]],
              'what has an answer is delivered, what has none again');
    ok(drained(), 'all of it');
    is($To->count, 6, 'once');
    ok(wait_until(sub { descriptors($worker) <= $before }),
       'nothing is left open');
    $nginx->finish;
};

subtest 'jitter' => sub {
    my $nginx = nginx('jitter', retry => '2s');
    $To->forget;

    my @sent = send_events(30, 'X-Do' => '500, 200');
    my %first;
    my @gaps;

    for ($To->wait_for(60)) {
        my ($n) = numbers($_);
        push @gaps, $_->{time} - $first{$n} if $first{$n};
        $first{$n} = $_->{time};
    }

    @gaps = sort { $a <=> $b } @gaps;

    is(scalar @gaps, 30, 'a second attempt of each');
    cmp_ok($gaps[0], '>=', 1.79, 'at most 10 % early');
    cmp_ok($gaps[0], '<', 1.95, 'but some are') or diag "@gaps";
    cmp_ok($gaps[-1] - $gaps[0], '>', 0.1, 'not all at once');
    $nginx->finish;
};

subtest 'Retry-After' => sub {
    my $nginx = nginx('retry-after', retry => '200ms');

    # as asctime() writes it: a comma would begin another step
    my $date = 'Thu Jan  1 00:00:00 2037';

    for (
        ['503;Retry-After=2', 2, 3],
        ['429;Retry-After=2', 2, 3],
        ['429', 60, 61],
        ['503', 60, 61],
        ['503;Retry-After=soon', 60, 61],
        ['503;Retry-After=', 60, 61],
        ['503;Retry-After=-1', 60, 61],
        ['503;Retry-After=100000', 86400, 86401],
        ['503;Retry-After=99999999999999999999999', 60, 86401],
        ['429;Retry-After=3600', 3600, 3601],
        ["503;retry-after=$date", 86400, 86401],
    ) {
        my ($do, $least, $most) = @$_;

        my $id = id(send_event(client(), 'X-Do' => "wait0.5 $do"));
        send_event(client());
        my $told = wait_told($id, attempts => 1);
        my ($seen) = grep { $_->{headers}{'webhook-id'} eq $id } $To->seen;
        my $delay = $told->{due} - $seen->{time} - 0.5;

        cmp_ok($delay, '>=', $least - 0.01, "$do: not before that");
        cmp_ok($delay, '<', $most + 2, 'nor much later');
        $nginx->stop('KILL');
        unlink glob "$Root/queue.retry-after*";
        $nginx->start;
    }

    for ('500;Retry-After=100', '503;Retry-After=0',
         '503;Retry-After=Thu Jan  1 00:00:00 1970')
    {
        $To->forget;
        send_events(1, 'X-Do' => "$_, 200");
        my @seen = $To->wait_for(2);
        my ($gap) = gaps(@seen);
        cmp_ok($gap // 99, '<', 2.5, "$_: as configured");
    }

    $To->forget;
    send_events(1, 'X-Do' => '503;Retry-After=2, 200');
    my ($gap) = gaps($To->wait_for(2));
    cmp_ok($gap // 99, '>=', 1.99, 'it is waited for');
    cmp_ok($gap // 99, '<', 4, 'and no longer');
    $nginx->expect(qr/worker process \d+ exited on signal 9/, $Failing);
    $nginx->finish;
};

subtest 'Retry-After is a date' => sub {
    my @time = gmtime(time + 6);
    my $date = POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', @time);
    my $well = "$Root/well";
    unlink $well;

    # nginx as a destination, for a header with a comma
    my $nginx = nginx('retry-date', server => <<"END",
        location = /busy {
            if (-f $well) {
                return 204;
            }
            add_header Retry-After "$date" always;
            return 503;
        }
END
                      location => '/deliver/',
                      pass => 'proxy_pass http://127.0.0.1:'
                              . NginxProcess::port(0) . '/busy;');
    $nginx->expect($Failing);

    my $from = time;
    send_events(1);
    ok(wait_until(sub { $nginx->log =~ $Failing }), 'it is failing');
    NginxProcess::write_file($well, '');
    ok(drained(), 'delivered');
    cmp_ok(time - $from, '>', 1.8, 'waited for');
    cmp_ok(time - $from, '<', 10, 'and no longer');
    unlink $well;
    $nginx->finish;
};

subtest 'which answers are well' => sub {
    my $nginx = nginx('answers', retry => '1h', deliver => 'concurrency=100');
    $nginx->expect($Dead, qr/upstream sent|upstream prematurely closed/);
    my $client = client();

    for my $status (200, 201, 202, 204, 206, 299) {
        my $id = id(send_event($client, 'X-Do' => $status));
        ok(wait_until(sub { !told($id)->{state} }), "$status is");
    }

    for my $status (300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405,
                    408, 409, 413, 422, 425, 451, 500, 501, 507)
    {
        my $told = wait_told(id(send_event($client, 'X-Do' => $status,
                                           'Location' => '/')),
                             status => $status);
        is("$told->{state} $told->{attempts} $told->{status}",
           "waiting 1 $status", "$status is not");
    }

    my $told = wait_told(id(send_event($client, 'X-Do' => 410)),
                         state => 'dead');
    is("$told->{state} $told->{attempts} $told->{status}", 'dead 1 410',
       '410 is the end');

    # These are about the destination, if it does not take another event.
    for (['wait0.5 502', 502], ['wait0.5 504', 504], ['wait0.5 close', 502],
         ['cut', undef])
    {
        my ($do, $status) = @$_;
        my $id = id(send_event($client, 'X-Do' => $do));
        send_event($client);

        $status ? is(wait_told($id, status => $status)->{status}, $status,
                     'no answer is not')
                : ok(wait_until(sub { !told($id)->{state} }),
                     'one that breaks off after its head is');
    }

    $nginx->finish;
};

subtest 'interim answers' => sub {
    my $nginx = nginx('interim', retry => '1h');
    $To->forget;

    send_events(2, 'X-Do' => 'early');
    ok(drained(), 'are not the answer');
    is($To->count, 2, 'which was well');
    $nginx->finish;
};

subtest 'timeouts, and nobody there' => sub {
    my $nginx = nginx('timeouts', retry => '300ms 300ms 300ms 300ms',
                      more => 'proxy_read_timeout 300ms;');
    $nginx->expect(qr/upstream timed out .* while reading response header/,
                   $Refused, qr/Connection reset/, $Failing);
    $To->forget;

    send_events(1, 'X-Do' => 'hang, 200');
    my @seen = $To->wait_for(2);
    my ($gap) = gaps(@seen);
    cmp_ok($gap, '>=', 0.56, 'after the timeout and the slot');
    ok(drained(), 'delivered');

    $To->forget->stop;
    send_events(1);
    sleep 0.5;
    $To->start;
    @seen = $To->wait_for(1);
    is(scalar @seen, 1, 'once somebody is there');
    is($seen[0]{headers}{'x-attempt'}, 1, 'which has cost no attempt');
    $nginx->finish;
};


# --- destinations ---------------------------------------------------------

subtest 'kinds of destinations' => sub {
    my ($from, $to, $tls, $other) = map { NginxProcess::port($_) } 0 .. 3;
    my $fastcgi = Destination->new(port => $other, protocol => 'fastcgi')
                  ->start;

    system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=there "
           . "-keyout $Root/conf/key -out $Root/conf/cert 2>/dev/null") == 0
        or plan skip_all => 'openssl makes no certificate';

    my $http = <<END;
    upstream group {
        server 127.0.0.1:$to;
        keepalive 4;
    }
    upstream backup {
        server 127.0.0.1:1;
        server 127.0.0.1:$to backup;
    }
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate cert;
        ssl_certificate_key key;
        server_name there;
        location / {
            proxy_pass http://127.0.0.1:$to;
            proxy_set_header X-TLS \$ssl_protocol;
        }
    }
END

    my $params = join ' ', map { "fastcgi_param $_ \$$_;" }
                 qw(request_method content_type content_length
                    request_uri document_uri server_port server_addr
                    remote_addr remote_port webhook_id);

    # location, content handler, what the request's line is
    my @cases = (
        ['named', '@d', "proxy_pass http://127.0.0.1:$to;",
         'POST /hook/a%20b/../c?d=%20e HTTP/1.0'],
        ['keepalive', '@d', 'proxy_pass http://group; proxy_http_version 1.1;'
         . 'proxy_set_header Connection "";',
         'POST /hook/a%20b/../c?d=%20e HTTP/1.1'],
        ['backup', '@d', 'proxy_pass http://backup;',
         'POST /hook/a%20b/../c?d=%20e HTTP/1.0'],
        ['prefix', '/d/', "proxy_pass http://127.0.0.1:$to;",
         'POST /hook/a%20b/../c?d=%20e HTTP/1.0'],
        ['prefix with a URI', '/d/', "proxy_pass http://127.0.0.1:$to/app/;",
         'POST /app/?d=%20e HTTP/1.0'],
        ['exact with a URI', '= /d', "proxy_pass http://127.0.0.1:$to/app;",
         'POST /app?d=%20e HTTP/1.0'],
        ['the prefix that takes events', '/hook', "proxy_pass "
         . "http://127.0.0.1:$to/app;", 'POST /app/c?d=%20e HTTP/1.0'],
        ['variables', '@d', "set \$there 127.0.0.1:$to; "
         . 'proxy_pass http://$there$request_uri;',
         'POST /hook/a%20b/../c?d=%20e HTTP/1.0'],
        ['variables with a URI', '/d', "set \$there 127.0.0.1:$to; "
         . 'proxy_pass http://$there/$webhook_event;', 'POST /e HTTP/1.0'],
        ['rewrite', '/d', 'rewrite ^ /written? break; '
         . "proxy_pass http://127.0.0.1:$to;", 'POST /written HTTP/1.0'],
        ['another location', '/d', 'rewrite ^ /other last; '
         . "proxy_pass http://127.0.0.1:1;", 'POST /other?d=%20e HTTP/1.0'],
        ['TLS', '@d', "proxy_pass https://127.0.0.1:$tls; proxy_ssl_name there;"
         . 'proxy_ssl_server_name on; proxy_ssl_verify on;'
         . 'proxy_ssl_trusted_certificate cert;',
         'POST /hook/a%20b/../c?d=%20e HTTP/1.0'],
        ['FastCGI', '@d', "fastcgi_pass 127.0.0.1:$other; $params", 'FastCGI'],
        ['FastCGI in a prefix', '/d', "fastcgi_pass 127.0.0.1:$other; $params",
         'FastCGI'],
    );

    for (@cases) {
        my ($name, $location, $pass, $request) = @$_;
        my $seen = $name =~ /^FastCGI/ ? $fastcgi : $To;

        my $nginx = nginx('kind', http => $http, location => $location,
                          pass => $pass, workers => 1, server =>
                          "location = /other { proxy_pass http://127.0.0.1:$to;"
                          . 'proxy_set_header Webhook-Id $webhook_id; }');
        $nginx->expect(qr/127\.0\.0\.1:1\b/) if $name eq 'backup';

        $seen->forget;
        $To->forget;

        my $client = client();
        my ($body, $large) = (event(), event('x' x 300000));
        my $answer = send_event($client, body => $body,
                                uri => '/hook/a%20b/../c?d=%20e');
        my $id = id($answer);
        my $remote = $client->connect->sockport;
        my ($first) = $seen->wait_for(1);

        is($first->{request}, $request, "$name: the request");
        is($first->{body}, $body, 'the body');

        if ($seen == $To) {
            is($first->{headers}{'webhook-id'}, $id, 'the id');
            is($first->{headers}{'content-length'}, length $body, 'its length');
        } else {
            my %h = %{$first->{headers}};
            is_deeply([@h{qw(request_method content_type content_length
                             request_uri server_port server_addr remote_addr
                             remote_port webhook_id http_x_do)}],
                      ['POST', 'application/json', length $body,
                       '/hook/a%20b/../c?d=%20e', $from, '127.0.0.1',
                       '127.0.0.1', $remote, $id, undef], 'the parameters');
        }

        send_event($client, body => $large);
        send_event($client) for 1 .. 3;
        my @seen = $seen->wait_for(5);
        my ($is) = grep { length $_->{body} > 300000 } @seen;
        is($is && $is->{body} eq $large, 1, 'a large body');

        if ($name eq 'keepalive') {
            cmp_ok(keys %{{map { $_->{connection} => 1 } @seen}}, '<', 5,
                   'connections are used again');
        }

        ok(drained(), 'all was delivered');
        $nginx->finish;
        unlink glob "$Root/queue.kind*";
    }

    $fastcgi->stop;
};

subtest 'concurrency' => sub {
    for my $n (1, 3, 16, 40) {
        my $nginx = nginx('concurrency', deliver => $n == 16 ? ''
                                                    : "concurrency=$n");
        $To->forget;

        send_events($n * 2 + 10, 'X-Do' => 'wait' . (0.3 + $n / 20));
        my @seen = $To->wait_for($n * 2 + 10);
        my ($most) = sort { $b <=> $a } map { $_->{active} } @seen;
        is($most, $n, "$n at once");
        ok(drained(), 'all of them');
        $nginx->finish;
        unlink glob "$Root/queue.concurrency*";
    }
};

subtest 'one at a time to who fails' => sub {
    my $nginx = nginx('unwell', retry => '500ms 500ms 500ms 500ms 500ms');
    $To->forget;

    send_events(1, 'X-Do' => '500, wait0.5 500, 200');
    $To->wait_for(1);
    send_events(20, 'X-Do' => 'wait0.1 500, 200');
    my @seen = $To->wait_for(10);
    my ($most) = sort { $b <=> $a } map { $_->{active} } @seen[2 .. 9];
    is($most, 1, 'one at a time');
    ok(drained(), 'and all in the end');
    $nginx->finish;
};

subtest 'destination=' => sub {
    my ($slow, $down) = map { NginxProcess::port($_) } 2, 3;
    my $Slow = Destination->new(port => $slow, default => 'hang')->start;
    my $to = NginxProcess::port(1);

    my $nginx = nginx('destination', deliver => 'concurrency=4 '
                      . 'destination=$webhook_field_state', http => <<END,
    map \$webhook_field_state \$there {
        slow 127.0.0.1:$slow;
        down 127.0.0.1:$down;
        default 127.0.0.1:$to;
    }
END
                      pass => 'proxy_pass http://$there;', retry => '1h');
    $nginx->expect($Refused, $Failing);
    $To->forget;

    my $send = sub {
        my $state = shift;
        return id(send_event(client(), body => event() =~ s/null,"payload"/
                                                        "$state","payload"/xr));
    };

    $send->('slow') for 1 .. 20;
    $send->('down') for 1 .. 20;
    $Slow->wait_for(4);

    my $from = time;
    $send->("other$_") for 1 .. 30;
    is(scalar $To->wait_for(30, 10), 30, 'others get theirs');
    cmp_ok(time - $from, '<', 5, 'at once');
    is($Slow->count, 4, 'while somebody has four to hang');
    ok(wait_until(sub { waiting() == 40 }),
       'that wait, and those that nobody took');

    $Slow->stop;
    $nginx->expect(qr/upstream prematurely closed|reset by peer/, $Failing);
    $nginx->finish;
};

subtest 'connections are shared' => sub {
    my @slow = map { NginxProcess::port($_) } 2, 3;
    my @Slow = map { Destination->new(port => $_, default => 'hang')->start }
                   @slow;
    my $to = NginxProcess::port(1);

    my $nginx = nginx('shared', deliver => 'destination=$webhook_field_state',
                      connections => 64, workers => 1, retry => '1h',
                      http => <<END, pass => 'proxy_pass http://$there;');
    map \$webhook_field_state \$there {
        one 127.0.0.1:$slow[0];
        two 127.0.0.1:$slow[1];
        default 127.0.0.1:$to;
    }
END
    $To->forget;

    for my $state (('one') x 16, ('two') x 16, 'three') {
        my $body = event() =~ s/null,"payload"/"$state","payload"/r;
        send_event(client(), body => $body);
    }

    is(scalar($To->wait_for(1, 5)), 1, 'who is well is not kept waiting');
    cmp_ok($_->count, '>=', 1, 'others hang') for @Slow;

    $_->stop for @Slow;
    $nginx->expect(qr/upstream prematurely closed|reset by peer|refused/,
                   $Failing);
    $nginx->finish;
};

subtest 'large answers' => sub {
    my $nginx = nginx('large', deliver => 'concurrency=2', workers => 1);
    my ($worker) = $nginx->workers;
    $To->forget;

    send_events(2);
    ok(drained(), 'delivered');
    my $before = descriptors($worker);

    my @sent = (send_events(6, 'X-Do' => 'big'),
                send_events(4, 'X-Do' => 'endless'), send_events(6));
    $To->wait_for(18);
    ok(drained(), 'they hold up nothing');
    is_deeply(sorted(numbers($To->seen))->[2], $sent[0], 'delivered');
    is($To->count, 18, 'and once');
    ok(wait_until(sub { descriptors($worker) <= $before }),
       'nothing is left open');
    $nginx->expect(qr/upstream prematurely closed/, $Failing);
    $nginx->finish;
};


# --- what is left ---------------------------------------------------------

subtest 'nothing is left open' => sub {
    my $stub = "location = /active { stub_status; }";
    my $nginx = NginxProcess->new(name => 'left');
    config($nginx, workers => 1, server => $stub, retry => '50ms 50ms 50ms');
    $nginx->expect($Dead, qr/upstream prematurely closed/, $Refused, $Failing);
    $nginx->start;
    $To->forget;

    my $active = sub {
        return join ' ', (client()->request(GET => '/active')->{body}
                          =~ /(\d+)/g)[0, 4, 5, 6];
    };

    send_events(20);
    ok(drained(), 'delivered');

    my ($worker) = $nginx->workers;
    my $before = wait_until(sub { descriptors($worker) });
    my $was = $active->();

    send_events($_ =~ /close/ ? 3 : 20, 'X-Do' => $_)
        for '200', '500, 200', 'close, 200', 'cut', '410', 'wait0.1', 'big',
            '204';
    ok(drained(), 'delivered, or dead');
    $To->stop;
    send_events(20);
    sleep 1;
    is(waiting(), 20, 'they wait');
    $To->start;
    ok(drained(), 'for who is there again');

    ok(wait_until(sub { descriptors($worker) <= $before }), 'descriptors');
    is($active->(), $was, 'connections');
    is($nginx->stop('QUIT'), 1, 'it ends');
    unlike($nginx->log, qr/open socket/, 'and has nothing left');
    $nginx->finish;
};

$To->stop;
done_testing();
