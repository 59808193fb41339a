use strict;
use warnings;

use lib 't/lib';
use Answers qw(problem);
use NginxProcess;
use QueueTest qw(config nginx event send_event client id waiting dead drained
                 numbers);
use Destination;
use HTTPClient qw($Head answer answer2 chunks data dial dial2 frame head headers
                  put request);
use SmallDisk;
use Test::More;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(sleep time);

# What the sender of an event is answered, what is kept of the event, and what
# is there afterwards: all that was answered 202, nothing that was answered
# otherwise.

*wait_until = \&NginxProcess::wait_until;

# Nobody listens where some of the queues are delivered to.
my $Failing = qr/destination \w+ is failing, status 502: /;

my $Root = $NginxProcess::Root;
my $Port = NginxProcess::port(0);
my $To = Destination->new(port => NginxProcess::port(1))->start;

my $Uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}
              -[0-9a-f]{12}/x;
my $Accepted = qr/^202 \{"id":"($Uuid)"\}\n\z/;

my @Json = ('Content-Type' => 'application/json');
my $App = '5f0f9b52-6a0e-4d0c-8c43-0d9f64d0a7b1';

# For as long as a test has nobody to deliver to
my $Often = join ' ', ('300ms') x 300;

# The one event that comes
sub arrived {
    my @seen = $To->wait_for(1);
    $To->forget;
    return $seen[0] // {headers => {}, body => '', request => '', head => ''};
}

# The names of headers, without those that nginx makes
sub names {
    my $seen = shift;
    return join ' ', sort grep { !/^(?:host|connection|content-length
                                       |webhook-id|x-attempt)$/x }
                          keys %{$seen->{headers}};
}


# --- answers --------------------------------------------------------------

subtest 'HTTP/1.1' => sub {
    my $nginx = nginx('http1');
    my $socket = dial($Port);
    my $body = event();

    put($socket, request('POST', '/hook/x', $body, @Json));
    my $answer = answer($socket);
    like($answer, $Accepted, 'the body');
    my ($id) = $answer =~ $Accepted;

    $Head =~ s/^(Server|Date): .*\r\n//mg;
    is($Head, "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n"
              . "Content-Length: 46\r\nConnection: keep-alive\r\n\r\n",
       'the head');

    my $seen = arrived();
    is($seen->{body}, $body, 'what is delivered');
    is($seen->{headers}{'webhook-id'}, $id, 'with that id');

    # chunked, on the same connection
    $body = event();
    put($socket, head('POST', '/hook/x', @Json,
                      'Transfer-Encoding' => 'chunked'),
        chunks(substr($body, 0, 1), substr($body, 1, 40), substr $body, 41));
    like(answer($socket), $Accepted, 'chunked');
    $seen = arrived();
    is($seen->{body}, $body, 'what is delivered');
    is($seen->{headers}{'content-length'}, length $body, 'with a length');
    is(names($seen), 'content-type', 'and not in chunks');

    # Expect: 100-continue
    $body = event();
    put($socket, head('POST', '/hook/x', @Json, Expect => '100-continue',
                      'Content-Length' => length $body));
    is(answer($socket), 100, 'to be continued');
    put($socket, $body);
    like(answer($socket), $Accepted, 'accepted');
    is(names(arrived()), 'content-type', 'and not expected again');

    # pipelined
    my @bodies = map { event() } 1 .. 20;
    put($socket, map { request('POST', '/hook/x', $_, @Json) } @bodies);
    my %ids = map { answer($socket) =~ $Accepted ? ($1 => 1) : () } @bodies;
    is(scalar keys %ids, 20, 'twenty at once, of different ids');

    my @seen = $To->wait_for(20);
    is_deeply([sort map { $_->{body} } @seen], [sort @bodies], 'all come');
    is(scalar(grep { !$ids{$_->{headers}{'webhook-id'}} } @seen), 0,
       'with these');

    # The order of their acknowledgement is that of their ids and arrival.
    ok(drained(), 'delivered');
    $To->forget;

    # the connection is closed
    put($socket, request('POST', '/hook/x', event(), @Json,
                         Connection => 'close'));
    like(answer($socket), $Accepted, 'the last one');
    like($Head, qr/\r\nConnection: close\r\n/, 'says so');
    is(answer($socket), 'closed', 'and is');
    arrived();

    # HTTP/1.0
    $socket = dial($Port);
    $body = event();
    put($socket, "POST /hook/x HTTP/1.0\r\nContent-Type: application/json\r\n"
                 . 'Content-Length: ' . length($body) . "\r\n\r\n$body");
    like(answer($socket), $Accepted, 'HTTP/1.0');
    is(arrived()->{body}, $body, 'delivered');

    $nginx->finish;
};

subtest 'a sender that does not wait for the answer' => sub {
    my $nginx = nginx('gone');
    my @bodies = map { event() } 1 .. 20;

    for (@bodies) {
        my $socket = dial($Port);
        put($socket, request('POST', '/hook/x', $_, @Json));
        close $socket;
    }

    # Perhaps: nothing was acknowledged.
    ok(send_event(client()), 'others are served');
    sleep 0.5;
    ok(drained(), 'and delivered');
    $To->forget;
    $nginx->expect(qr/client prematurely closed/);
    $nginx->finish;
};

subtest 'HTTP/2' => sub {
    my $port = NginxProcess::port(4);
    my $nginx = nginx('http2', server => "listen 127.0.0.1:$port http2;");
    my $socket = dial2($port);
    my @bodies = map { event('y' x (100 * $_)) } 1 .. 5;

    put($socket, headers(1, 'POST', '/hook/x?a=b', 0, @Json,
                         te => 'trailers', cookie => 'a=b', cookie => 'c=d',
                         authorization => 'hush', 'X-Keep' => 'kept'),
        data(1, substr($bodies[0], 0, 50)), data(1, substr($bodies[0], 50), 1));
    like(answer2($socket, 1), $Accepted, 'accepted');

    my $seen = arrived();
    is($seen->{body}, $bodies[0], 'delivered');
    is($seen->{request}, 'POST /hook/x?a=b HTTP/1.0', 'with its URI');
    is(names($seen), 'content-type x-keep', 'its headers');

    # several streams at once
    put($socket, map { my $n = 2 * $_ + 1;
                       (headers($n, 'POST', '/hook/x', 0, @Json),
                        data($n, $bodies[$_], 1)) } 1 .. 4);

    # In any order; the one that is read last is taken from what has come.
    like(answer2($socket, 9), $Accepted, 'the last of several streams');
    my @seen = $To->wait_for(4);
    is_deeply([sort map { $_->{body} } @seen], [sort @bodies[1 .. 4]],
              'all come');

    # a stream that is reset
    put($socket, headers(11, 'POST', '/hook/x', 0, @Json),
        data(11, event(), 1), HTTPClient::reset_stream(11));
    put($socket, headers(13, 'POST', '/hook/x', 0, @Json),
        data(13, event(), 1));
    like(answer2($socket, 13), $Accepted, 'after one that was reset');
    ok(drained(), 'delivered');
    $To->forget;
    $nginx->finish;
};

subtest 'bodies' => sub {
    my $nginx = nginx('bodies', hook => 'client_body_buffer_size 1k;');
    my $client = client();

    for my $length (1, 1000, 1023, 1024, 1025, 4096, 5000, 65536, 2 << 20,
                    7 << 20)
    {
        my $body = event(join '', map { chr(97 + $_ % 23) } 1 .. $length);
        ok(id(send_event($client, body => $body)), "$length more bytes");

        my $seen = arrived();
        is($seen->{headers}{'content-length'}, length $body, 'the length');
        is($seen->{body} eq $body, 1, 'the body');
    }

    for my $body (" \r\n" . event() . "\n\t ", event("\xc3\xa9\\u0000\\ud800"),
                  event() =~ s/"payload"/ "payload" /r)
    {
        send_event($client, body => $body);
        is(arrived()->{body}, $body, 'byte for byte');
    }

    ok(drained(), 'delivered');
    is(scalar(() = glob "$Root/client_body_temp/*/*/*"), 0,
       'no file is left');
    $nginx->finish;
};


# --- what is delivered ----------------------------------------------------

subtest 'headers' => sub {
    my $nginx = nginx('headers', location => '/d',
                      hook => 'webhook_secret_header X-Mine;',
                      more => 'proxy_http_version 1.1;');
    my $socket = dial($Port);

    put($socket, request('POST', '/hook/x', event(),
        'Content-Type' => 'application/json; charset=utf-8',
        Host => 'Example.COM:123',
        'X-Keep' => 'a  b, "c"; d=\\', 'x-KEEP-two' => ['1', '2', ''],
        'User-Agent' => 'me', Accept => '*/*', 'Accept-Encoding' => 'gzip',
        'X-Forwarded-For' => ['10.1.2.3', '10.3.2.1'], Via => '1.1 proxy',
        'X-Mine' => 'hush', Authorization => 'hush',
        'Proxy-Authorization' => 'hush', Cookie => ['hush=1', 'hush=2'],
        Referer => 'http://x/', 'If-Modified-Since' => 'never', Range => 'all',
        Connection => ['keep-alive, X-Hop,x-Hop-TWO ,, x', 'X-Hop-Three'],
        'X-Hop' => '1', 'x-hop-two' => '2', 'X-Hop-Three' => '3',
        'X-Hop-Four' => '4', 'Keep-Alive' => '5', TE => 'trailers',
        Trailer => 'X-Trailer', Upgrade => 'h2c', 'Proxy-Connection' => 'x',
        'X-Hub-Signature-256' => 'sha256=00', Priority => 'u=1',
        'X-Secret' => 'not a secret here'));
    like(answer($socket), $Accepted, 'accepted');

    my $seen = arrived();

    is(names($seen), join(' ', sort qw(content-type x-keep x-keep-two user-agent
        accept accept-encoding x-forwarded-for via referer if-modified-since
        range x-hop-four x-hub-signature-256 priority x-secret)),
       'what is kept');
    unlike($seen->{head}, qr/hush/, 'no credentials');

    my %lines = map { $_ => 1 } split /\r\n/, $seen->{head};
    ok($lines{$_}, $_) for 'X-Keep: a  b, "c"; d=\\', 'x-KEEP-two: 1',
        'x-KEEP-two: 2', 'X-Forwarded-For: 10.1.2.3',
        'X-Forwarded-For: 10.3.2.1',
        'Content-Type: application/json; charset=utf-8';

    # names of a hundred
    my %many = map { ("X-Many-$_" => "v$_") } 1 .. 100;
    my $client = client();
    ok(id(send_event($client, %many)), 'a hundred headers');
    $seen = arrived();
    is_deeply({map { $_ => $seen->{headers}{lc $_} } keys %many}, \%many,
              'are kept');

    # Of the names in Connection, so many count.
    my @hops = map { "x-hop-$_" } 1 .. 20;
    put($socket, request('POST', '/hook/x', event(), @Json,
                         Connection => join(',', map { uc } @hops),
                         map { $_ => 'v' } @hops));
    like(answer($socket), $Accepted, 'twenty names in Connection');
    is(names(arrived()), join(' ', 'content-type', map { "x-hop-$_" } 17 .. 20),
       'sixteen are for the connection only');

    # X-Secret is the default.
    $nginx->stop;
    config($nginx);
    $nginx->start;
    send_event(client(), 'X-Secret' => 'hush', 'X-Mine' => 'mine');
    is(names(arrived()), 'content-type x-mine', 'the default name');
    $nginx->finish;
};

subtest 'variables, of the event and of its sender' => sub {
    my @names = qw(webhook_provider webhook_event webhook_id webhook_reason
                   webhook_field_workspace_id webhook_field_payload_id
                   webhook_field_customer_id webhook_attempt remote_addr
                   binary_remote_addr host http_x_mine arg_c args request_uri);
    my $all = join ' ', map { "$_=[\$$_]" } grep { !/binary/ } @names;
    my $nginx = nginx('variables', more => "proxy_set_header X-All '$all';",
                      server => 'set_real_ip_from 127.0.0.1; '
                                . 'real_ip_header X-Real;');

    my $body = '{"workspace_id":"w\"\\\\\\u000a\u00e9","customer_id":null,'
               . '"event":"integration_deleted_data_model","state":null,'
               . '"payload":{"id":12,"resource_id":"r","type":"t"}}';
    $body =~ s/\\u00e9/\xc3\xa9/;
    my $id = id(send_event(client(), uri => '/hook/x?c=d%20e&f', body => $body,
                           'X-Real' => '2001:db8::1', 'X-Mine' => 'mine',
                           Host => 'Example.COM:123'));
    my %is = arrived()->{headers}{'x-all'} =~ /(\w+)=\[(.*?)\](?= |$)/g;

    is_deeply(\%is, {
        webhook_provider => 'munity', webhook_reason => '',
        webhook_event => 'integration_deleted_data_model', webhook_id => $id,
        webhook_field_workspace_id => "w\"\\%0A\xc3\xa9",
        webhook_field_payload_id => 12, webhook_field_customer_id => '',
        webhook_attempt => 1, remote_addr => '2001:db8::1',
        host => 'example.com', http_x_mine => 'mine', arg_c => 'd%20e',
        args => 'c=d%20e&f', request_uri => '/hook/x?c=d%20e&f',
    }, 'as they were');
    $nginx->finish;
};

subtest 'webhook-id' => sub {
    my $nginx = nginx('id');

    my $answer = send_event(client(), 'webhook-id' => 'msg_2b.A-1');
    like($answer->{body}, qr/^\{"id":"$Uuid"\}\n\z/, 'the answer has our own');
    is(arrived()->{headers}{'webhook-id'}, 'msg_2b.A-1',
       'the sender\'s goes on');

    for my $odd ('a b', 'x' x 2000, "\xff") {
        $answer = send_event(client(), 'webhook-id' => $odd, 'X-Do' => '500, 200');
        my @seen = $To->wait_for(2);
        $To->forget;
        is_deeply([map { $_->{headers}{'webhook-id'} } @seen],
                  [(id($answer)) x 2], 'ours instead of an odd one');
    }

    $answer = send_event(client(), 'webhook-id' => 'same');
    my $other = send_event(client(), 'webhook-id' => 'same');
    isnt(id($answer), id($other), 'a sender may use one twice');
    is(scalar $To->wait_for(2), 2, 'both come');
    $To->forget;
    $nginx->finish;
};

subtest 'every system' => sub {
    my $key = '{"slug":"acme","user_id":"6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d",'
              . '"key":"a3c9e5d0-1b2c-4d3e-8f4a-5b6c7d8e9f01",'
              . '"dataset_id":"d"}';
    my $secret = 'hush' x 8;

    my $nginx = nginx('systems', http => "webhook_zone zone=hooks:1m "
                                         . "state=$Root/hooks;",
                      more => 'proxy_set_header X-What "$webhook_provider '
                              . '$webhook_event $webhook_action $webhook_app '
                              . '$webhook_environment $webhook_user '
                              . '$webhook_field_slug";',
                      retry => '500ms',
                      from => <<END);
    webhook_app $App environment=7 token=t0ken user=9;

    location /luzmo/ {
        webhook luzmo;
        webhook_secret hush slug=acme;
        webhook_queue q;
    }

    location = /munity {
        webhook munity;
        webhook_secret hush;
        webhook_queue q;
    }

    location = /signed {
        webhook signed;
        webhook_signature github $secret;
        webhook_queue q;
    }

    location /app/ {
        webhook lenra zone=hooks;
    }

    location /apps/ {
        webhook lenra zone=hooks;
        webhook_queue q;
    }
END
    my $client = client();
    my $post = sub {
        my ($uri, $body, %headers) = @_;
        return $client->request(POST => $uri, $body, @Json, %headers);
    };

    my $answer = $post->('/luzmo/data_updated', $key, 'X-Secret' => 'hush');
    ok(id($answer), 'luzmo');
    my $seen = arrived();
    is($seen->{body}, $key, 'delivered');
    is($seen->{headers}{'x-what'} =~ s/ +/ /gr, 'luzmo data_updated acme',
       'with its variables');
    is($seen->{request}, 'POST /luzmo/data_updated HTTP/1.0', 'and URI');

    my $body = '{"workspace_id":"w","customer_id":"c","event":"webhook_test",'
               . '"state":1,"payload":{"test":true}}';
    ok(id($post->('/munity', $body, 'X-Secret' => 'hush')), 'munity');
    $seen = arrived();
    is($seen->{body}, $body, 'delivered');
    is($seen->{headers}{'x-what'} =~ s/ +$//r, 'munity webhook_test',
       'with its variables');

    my $octets = join '', map { chr } 0 .. 255;
    ok(id($post->('/signed', $octets, 'Content-Type' => 'image/none',
                  'X-Hub-Signature-256'
                  => 'sha256=' . hmac_sha256_hex($octets, $secret))), 'signed');
    $seen = arrived();
    is($seen->{body} eq $octets, 1, 'delivered');
    is($seen->{headers}{'content-type'}, 'image/none', 'with its type');

    # A webhook that is deleted while its event waits
    for my $event ('{"a": 1}', '[1, 2]', '', '"x"') {
        my $created = $post->('/app/webhooks', '{"action":"do \"it\"",'
                              . '"props":{ "p" : [1.50] },"user_id":null}',
                              Authorization => 'Bearer t0ken');
        my ($uuid) = $created->{body} =~ /^\{"uuid":"([^"]+)"/;

        my $id = id($post->("/apps/$App/webhooks/$uuid", $event,
                            'X-Do' => '500, 200'));
        ok($id, 'lenra');
        is($client->request(DELETE => "/app/webhooks/$uuid", undef,
                            Authorization => 'Bearer t0ken')->{status}, 204,
           'deleted');

        my @seen = $To->wait_for(2);
        $To->forget;
        my $wrapped = $event eq '' ? '{}' : $event =~ /^\{/ ? $event
                      : qq({"_json":$event});
        $body = qq({"action":"do \\"it\\"","props":{ "p" : [1.50] },)
                . qq("event":$wrapped});

        is_deeply([map { $_->{body} } @seen], [$body, $body],
                  'delivered as it was');
        is($seen[1]{headers}{'content-length'}, length $body, 'its length');
        is($seen[1]{headers}{'content-type'}, 'application/json', 'its type');
        is($seen[1]{headers}{'x-what'} =~ s/ +/ /gr =~ s/ $//r,
           qq(lenra do "it" $App 7 9), 'its variables');
        is($post->("/apps/$App/webhooks/$uuid", $event)->{status}, 404,
           'it is not there any more');
    }

    ok(drained(), 'delivered');

    # What is refused is not queued.
    my %refused = (
        401 => $post->('/luzmo/data_updated', $key),
        403 => $post->('/luzmo/data_updated', $key =~ s/acme/other/r,
                       'X-Secret' => 'hush'),
        404 => $post->('/luzmo/none', $key, 'X-Secret' => 'hush'),
        400 => $post->('/munity', '{"workspace_id":1}', 'X-Secret' => 'hush'),
        415 => $post->('/munity', '{}', 'X-Secret' => 'hush',
                       'Content-Type' => 'text/plain'),
        405 => $client->request(GET => '/munity', undef,
                                'X-Secret' => 'hush'),
        413 => $post->('/munity', '{}' . ' ' x (9 << 20), 'X-Secret' => 'hush'),
    );

    is($refused{$_} && $refused{$_}{status}, $_, "refused with $_")
        for grep { $_ != 413 } sort keys %refused;
    is($post->('/signed', 'x', 'X-Hub-Signature-256'
               => 'sha256=' . '0' x 64)->{status}, 401, 'or by its signature');
    sleep 0.3;
    is(waiting() . ' ' . $To->count, '0 0', 'nothing of it is queued');
    $nginx->expect(qr/client intended to send too large body/);
    $nginx->finish;
};

subtest 'other ways to a queue' => sub {
    my $nginx = nginx('ways', server => <<'END');
    location /again/ {
        rewrite ^ /hook/again last;
    }
    location /named/ {
        webhook munity unknown=pass;
        webhook_secret off;
        webhook_queue q;
        add_header X-Event $webhook_event always;
    }
    location /mirrored/ {
        mirror /hook/mirror;
        log_not_found off;
    }
END
    my $client = client();

    my $answer = send_event($client, uri => '/named/x');
    is("$answer->{status} $answer->{headers}{'x-event'}", '202 e',
       'with a header');
    is(arrived()->{request}, 'POST /named/x HTTP/1.0', 'delivered');

    my $body = event();
    ok(id(send_event($client, uri => '/again/x?a', body => $body)),
       'by an internal redirect');
    my $seen = arrived();
    is($seen->{body}, $body, 'delivered');
    is($seen->{request}, 'POST /hook/again?a HTTP/1.0', 'with its new URI');

    is(send_event($client, uri => '/mirrored/x')->{status}, 404,
       'not in a subrequest');
    sleep 0.2;
    is($To->count, 0, 'then it is not delivered');
    $nginx->expect(qr/takes no event that was not judged/);
    $nginx->finish;
};


# --- refused --------------------------------------------------------------

sub refusal {
    my ($answer, $reason, $name) = @_;

    is($answer->{status}, 503, "$name: 503");
    like($answer->{body}, qr/"reason":"$reason"/, 'the reason');
    like($answer->{headers}{'retry-after'} // '', qr/^\d+$/, 'Retry-After');
    is($answer->{headers}{'content-type'}, 'application/problem+json',
       'the type');

    return $answer->{body};
}

# Sends until it is refused; returns the ids, and the refusal
sub fill {
    my ($client, $more, %headers) = @_;
    my @ids;

    for (1 .. 5000) {
        my $answer = send_event($client, body => event($more), %headers);
        my $id = id($answer);
        return (\@ids, $answer) if !$id;
        push @ids, $id;
    }

    return (\@ids, undef);
}

# All of these ids have come, and no others.
sub came {
    my ($ids, $name) = @_;

    ok(drained(), "$name: delivered");
    my %seen = map { $_->{headers}{'webhook-id'} => 1 } $To->seen;
    is_deeply([sort keys %seen], [sort @$ids], 'what was acknowledged');
    $To->forget;
}

subtest 'the queue is full' => sub {
    my $nginx = nginx('full', queue => 'max_size=128k', retry => $Often);
    $nginx->expect($Failing,
                   qr/\[crit\].*webhook queue "\S+" is full: an event was refused/,
                   qr/Connection refused/);
    $To->forget->stop;

    my $client = client();
    my ($ids, $answer) = fill($client, 'x' x 1000);
    cmp_ok(scalar @$ids, '>', 10, scalar(@$ids) . ' events');
    is(refusal($answer, 'queue_full', 'one more'),
       problem(503, 'there is no room for another event', 'queue_full'),
       'the body');
    is(waiting(), scalar @$ids, 'what was acknowledged stays');

    # A small one may still fit; what does not fit leaves nothing.
    refusal(send_event($client, body => event('x' x 100000)), 'queue_full',
            'a large one');
    is(waiting(), scalar @$ids, 'and leaves no trace');

    $nginx->reload;
    refusal(send_event(client(), body => event('x' x 1000)), 'queue_full',
            'after a reload');
    $nginx->stop;
    $nginx->start;
    refusal(send_event(client(), body => event('x' x 1000)), 'queue_full',
            'after a start');

    $To->start;
    came($ids, 'once somebody is there');

    my ($more) = fill(client(), 'x' x 1000, 'X-Do' => 'wait0.2');
    cmp_ok(scalar @$more, '>', 10, 'there is room again');
    came($more, 'these');
    $nginx->finish;
};

subtest 'the disk is full' => sub {
    my $disk = SmallDisk->mount('1m') or plan skip_all => $SmallDisk::Why;
    my $path = $disk->{path};

    my $nginx = nginx('disk', path => "$path/queue", workers => 1,
                      retry => $Often);
    $nginx->expect($Failing, qr/\[crit\].*"\Q$path/, qr/Connection refused/);
    $To->forget->stop;

    my ($ids, $answer) = fill(client(), 'x' x 3000);
    cmp_ok(scalar @$ids, '>', 10, scalar(@$ids) . ' events');
    is(refusal($answer, 'store_failed', 'one more'),
       problem('store_failed'), 'the body');

    # A small one may still fit.
    is(waiting(), scalar @$ids, 'what was acknowledged stays');

    $nginx->stop('KILL');
    $nginx->start;
    is(waiting(), scalar @$ids, 'after kill -9 as well');

    $To->start;
    came($ids, 'on the full disk');

    my ($more) = fill(client(), 'x' x 3000, 'X-Do' => 'wait0.2');
    cmp_ok(scalar @$more, '>', 10, 'there is room again');
    came($more, 'these');

    $nginx->finish;
    $disk->unmount;
};

subtest 'queues that can\'t be used' => sub {
    my $dir = "$Root/bad";
    my $queue = "$dir/queue";
    mkdir $dir;

    my $nginx = nginx('bad', path => $queue, retry => $Often);
    $nginx->expect($Failing, qr/Connection refused/);
    $To->forget->stop;
    my ($ids) = ([map { id(send_event(client(), 'X-Do' => '200')) } 1 .. 50]);
    $nginx->stop;

    my $whole = NginxProcess::read_file($queue);
    my $size = length $whole;

    my $put = sub {
        my $content = shift;
        return sub { NginxProcess::write_file($queue, $content) };
    };

    (my $newer = $whole) =~ s/version\K\Q@{[pack 'L', 2]}/pack 'L', 3/ge;
    isnt($newer, $whole, 'the version is where it was looked for');

    my @cases = (
        ['empty', $put->(''), qr/is empty/],
        ['of other contents', $put->('no queue' x 4096), qr/MDB_INVALID/],
        ['of zeros', $put->("\0" x $size), qr/MDB_INVALID/],
        ['cut after the second page', $put->(substr $whole, 0, 8192),
         qr/truncated: it has 8192 bytes of \d+/],
        ['of a newer version', $put->($newer), qr/is of the newer version 3/],
    );

    for (@cases) {
        my ($name, $make, $reason) = @$_;

        unlink $queue, "$queue-lock";
        $make->();

        for my $how ('-t', 'start') {
            my ($status, $output) = $nginx->run($how eq '-t' ? '-t' : ());

            is($status & 127, 0, "$name, $how: no crash");
            isnt($status >> 8, 0, "$name, $how: fails");
            like($output, qr{\[emerg\].*webhook queue "\Q$queue\E" .*$reason},
                 "$name, $how: tells which and why");
        }
    }

    $nginx->expect($Failing, qr/\[emerg\].*\Q$queue\E/);

    $put->($whole)->();
    NginxProcess::write_file("$queue-lock", 'rubbish' x 100);
    $To->start;
    $nginx->start;
    came($ids, 'the good one');

    $nginx->finish;
};

subtest 'a queue that is taken away' => sub {
    my $nginx = nginx('away', workers => 1, retry => $Often);
    my $queue = "$Root/queue.away";
    $nginx->expect($Failing, qr/\[emerg\].*\Q$queue\E/, qr/Connection refused/);
    $To->forget->stop;

    my @ids = map { id(send_event(client())) } 1 .. 3;
    rename $queue, "$queue.moved";

    push @ids, id(send_event(client()));
    ok($ids[-1], 'who has it open goes on');

    ok($nginx->replace($nginx->workers), 'another worker');
    my $answer = send_event(client());
    is(refusal($answer, 'store_failed', 'who has not'),
       problem('store_failed'), 'the body');
    is(client()->request(GET => '/none')->{status}, 404, 'the rest goes on');

    rename "$queue.moved", $queue;
    $To->start;
    ok(wait_until(sub { my $id = id(send_event(client()));
                        push @ids, $id // (); $id }), 'it is back');
    came(\@ids, 'all');
    $nginx->expect($Failing, qr/"\S*none" failed/);
    $nginx->finish;
};

$To->stop;
done_testing();
