use strict;
use warnings;

use lib 't/lib';
use Answers qw(page refused);
use CountingUpstream;
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use MIME::Base64 qw(encode_base64);
use NginxProcess;
use Registrations;
use Test::More;
use Time::HiRes qw(sleep);

# Events over HTTP/3: each system, however a body arrives, each class of
# refusal, signatures, the queue, registrations, and a reload.

BEGIN {
    my $nginx = NginxProcess::binary();
    my $built = `$nginx -V 2>&1`;

    plan skip_all => ($built =~ m{(nginx/\S+)} ? $1 : $nginx)
                     . ' is built without --with-http_v3_module'
        if $built !~ /--with-http_v3_module/;

    # It takes Debian's libcryptx-perl, which util/test installs.
    require HTTP3;
}

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;
my ($Port, $To) = map { NginxProcess::port($_) } 0, 1;

my $User = '6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d';
my $Key = 'of-the-repository';
my $Bytes = '0123456789abcdef01234567';
my $Hush = 'whsec_' . encode_base64($Bytes, '');

my $Luzmo = qq({ "slug":"acme", "user_id":"$User",\t"key":"$User",\n)
            . '"dataset_id":"t\u00e4sks", "more":[1.10e+2, "\/"] }';
my $Munity = '{"workspace_id":"w","customer_id":null,"event":"webhook_test",'
             . '"state":null,"payload":{"test":true}}';

my @Secret = ('X-Secret' => 'right', @Json);
my @Update = ('POST', '/luzmo/data_updated');

# What it gets is in its file before it answers; each line is the path, the
# host, the content type, the length and the body.
my $Upstream = CountingUpstream->new(
    port => $To,
    file => "$Root/logs/upstream",
    line => sub {
        my $request = shift;
        return join ' ', $request->{path},
                    (map { $request->{headers}{$_} // '-' }
                         qw(host content-type content-length)),
                    unpack 'H*', $request->{body};
    }
)->start;

my $Certificate = "-keyout $Root/key.pem -out $Root/certificate.pem";

system('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes '
       . "-days 2 -subj /CN=x $Certificate >$Root/openssl.log 2>&1") == 0
    or BAIL_OUT('openssl makes no certificate');

my $Nginx = NginxProcess->new(name => 'http3');

# Packets find the worker that has their connection if each worker has a socket
# of its own.
sub configure {
    my $secret = shift;

    $Nginx->configure(http => <<END);
    webhook_zone zone=hooks:1m state=$Root/hooks.db;
    webhook_queue_path $Root/queue.db queue=events;
    webhook_app $App environment=1 token=t0ken;

    server_tokens off;
    client_max_body_size 512k;
    proxy_set_header Host \$host;
    add_header X-Reason \$webhook_reason always;

    ssl_certificate $Root/certificate.pem;
    ssl_certificate_key $Root/key.pem;

    server {
        listen 127.0.0.1:$Port;
        listen 127.0.0.1:$Port quic reuseport;

        location /luzmo/ {
            webhook luzmo;
            webhook_secret $secret;
            webhook_secret acmes slug=acme;
            webhook_secret others slug=other;
            proxy_pass http://127.0.0.1:$To;
        }

        location /file/ {
            webhook luzmo;
            webhook_secret $secret;
            client_body_buffer_size 1k;
            proxy_pass http://127.0.0.1:$To;
        }

        location /tiny/ {
            webhook luzmo;
            webhook_secret $secret;
            client_max_body_size 64;
            proxy_pass http://127.0.0.1:$To;
        }

        location = /munity {
            webhook munity;
            webhook_secret $secret;
            proxy_pass http://127.0.0.1:$To;
        }

        location = /github {
            webhook signed;
            webhook_signature github $Key;
            client_body_buffer_size 1k;
            proxy_pass http://127.0.0.1:$To;
        }

        location = /standard {
            webhook signed;
            webhook_signature standard $Hush;
            proxy_pass http://127.0.0.1:$To;
        }

        location = /queue {
            webhook munity;
            webhook_secret $secret;
            webhook_queue events;
        }

        location \@deliver {
            webhook_deliver events;
            proxy_pass http://127.0.0.1:$To;
        }

        location /app {
            webhook lenra zone=hooks;
            proxy_pass http://127.0.0.1:$To;
        }
    }
END
}

sub connection { return HTTP3->new(port => $Port) }

# What upstream has got since it was last asked, in the order of arrival.
my $Read = 0;

sub arrived {
    return map { my @line = split / /, $_, -1;
                 $line[4] = pack 'H*', $line[4];
                 join ' ', @line } $Upstream->lines(\$Read);
}

# As arrived() has it
sub event {
    my ($path, $body) = @_;
    return "$path x application/json " . length($body) . " $body";
}

# All of an event at once: its answer, and its stream for headers().
sub post {
    my ($http, @request) = @_;
    my $id = $http->request(@request);
    return ($http->answer($id), $id);
}

# An event without a length, whose body comes in these pieces.
sub in_pieces {
    my ($http, $path, $pieces, @header) = @_;
    my $id = $http->head('POST', $path, @header);

    for (@$pieces) {
        $http->put($id, $_) or last;
        sleep 0.001;
    }

    $http->end($id);
    return $http->answer($id);
}

configure('right');
$Nginx->start;


# --- accepted -------------------------------------------------------------

subtest 'accepted, byte for byte' => sub {
    my $http = connection();

    for (['luzmo', '/luzmo/data_updated', $Luzmo],
         ['luzmo, from a file', '/file/data_updated', $Luzmo . ' ' x 2000],
         ['munity', '/munity', $Munity])
    {
        my ($name, $path, $body) = @$_;
        my ($answer, $id) = post($http, 'POST', $path, $body, @Secret);

        is($answer, "200 $body", "$name: upstream's answer");
        is($http->headers($id)->{'x-reason'}, undef, "$name: no reason");
        is_deeply([arrived()], [event($path, $body)],
                  "$name: what upstream got");
    }

    $http->close;
};

subtest 'several on a connection' => sub {
    my $http = connection();
    my @bodies = map { $Luzmo =~ s/t\\u00e4sks/$_/r } 1 .. 40;

    my @answers = map { (post($http, @Update, $_, @Secret))[0] }
                      @bodies[0 .. 19];

    is_deeply(\@answers, [map { "200 $_" } @bodies[0 .. 19]],
              'one after another');

    my @ids = map { $http->request(@Update, $_, @Secret) } @bodies[20 .. 39];

    is_deeply([map { $http->answer($_) } @ids],
              [map { "200 $_" } @bodies[20 .. 39]], 'at the same time');

    is_deeply([sort(arrived())],
              [sort map { event('/luzmo/data_updated', $_) } @bodies],
              'upstream got each of them once');

    # Pieces of three bodies in turn: a good one, one that ends too early, and
    # one that goes on too long.
    my @open = map { $http->head(@Update, @Secret) } 1 .. 3;
    my @texts = ($Luzmo, substr($Luzmo, 0, 100), "$Luzmo]");

    for my $at (0 .. length($Luzmo) / 10 + 1) {
        for (0 .. 2) {
            my $piece = substr $texts[$_], 0, 10, '';
            $http->put($open[$_], $piece) if length $piece;
        }
    }

    $http->end($_) for @open;

    is_deeply([map { $http->answer($_) } @open],
              ["200 $Luzmo", refused('luzmo', 'invalid_json', offset => 100),
               refused('luzmo', 'invalid_json', offset => length $Luzmo)],
              'each is checked by itself');
    is_deeply([arrived()], [event('/luzmo/data_updated', $Luzmo)],
              'upstream got the good one');

    $http->close;
};


# --- bodies ---------------------------------------------------------------

subtest 'bodies without a length, slow ones and large ones' => sub {
    my $http = connection();
    my $large = $Luzmo =~ s/"more":/'"more":"' . 'm' x 200_000 . '","x":'/er;

    for (['in a piece', '/luzmo', $Luzmo, $Luzmo],
         ['byte by byte', '/luzmo', $Luzmo, split //, $Luzmo],
         ['byte by byte, into a file', '/file', $Luzmo . ' ' x 1024,
          split(//, $Luzmo), (' ' x 64) x 16],
         ['large', '/luzmo', $large, unpack '(a7000)*', $large],
         ['large, into a file', '/file', $large, unpack '(a7000)*', $large])
    {
        my ($name, $path, $body, @pieces) = @$_;

        $path .= '/data_updated';

        is(in_pieces($http, $path, \@pieces, @Secret), "200 $body", $name);
        is_deeply([arrived()], [event($path, $body)],
                  "$name: upstream knows its length");
    }

    my ($answer) = post($http, 'POST', '/file/data_updated', $large, @Secret);

    is($answer, "200 $large", 'large, with a length');
    is_deeply([arrived()], [event('/file/data_updated', $large)],
              'large, with a length: what upstream got');
    like($Nginx->log, qr/request body is buffered to a temporary file/,
         'there was a file');

    my $id = $http->head(@Update, @Secret);

    for (unpack '(a40)*', $Luzmo) {
        $http->put($id, $_);
        sleep 0.2;
    }

    $http->end($id);
    is($http->answer($id), "200 $Luzmo", 'with pauses');
    is_deeply([arrived()], [event('/luzmo/data_updated', $Luzmo)],
              'with pauses: what upstream got');

    is(in_pieces($http, '/luzmo/data_updated', [], @Secret),
       refused('luzmo', 'empty_body'), 'nothing at all');
    is_deeply([arrived()], [], 'of which nothing is passed on');

    $http->close;
};

subtest 'a client that breaks off' => sub {
    my $http = connection();
    my $id = $http->head(@Update, @Secret);

    $http->put($id, substr $Luzmo, 0, 50);
    sleep 0.1;
    $http->cancel($id);

    my ($answer) = post($http, 'POST', '/munity', $Munity, @Secret);

    is($answer, "200 $Munity", 'the connection is as good as before');
    is_deeply([arrived()], [event('/munity', $Munity)],
              'nothing of the half is passed on');

    my $other = connection();
    $other->put($other->head(@Update, @Secret), substr $Luzmo, 0, 50);
    $other->close;
    $Nginx->expect(qr/failed to send stream cancellation while closing/);

    ($answer) = post($http, 'POST', '/munity', $Munity, @Secret);
    is($answer, "200 $Munity", 'after a connection that was closed');
    is_deeply([arrived()], [event('/munity', $Munity)],
              'nothing of that half either');

    $http->close;
};


# --- refused --------------------------------------------------------------

my $NotFound = refused('lenra', 404, 'Not Found.', 'error_404');

# name, request, answer, headers beside the content type
my @Refused = (
    ['no event', ['POST', '/luzmo/unknown', $Luzmo, @Secret],
     refused('luzmo', 'unknown_event')],
    ['another method', ['PUT', '/luzmo/data_updated', $Luzmo, @Secret],
     refused('luzmo', 'method_not_allowed'), allow => 'POST'],
    ['no body, no POST', ['GET', '/luzmo/data_updated', undef, @Secret],
     refused('luzmo', 'method_not_allowed'), allow => 'POST'],
    ['no secret', [@Update, $Luzmo, @Json],
     refused('luzmo', 'missing_secret'), 'www-authenticate' => 'X-Secret'],
    ['another secret', [@Update, $Luzmo, 'X-Secret' => 'wrong', @Json],
     refused('luzmo', 'invalid_secret'), 'www-authenticate' => 'X-Secret'],
    ['two secrets', [@Update, $Luzmo, 'X-Secret' => ['right', 'right'], @Json],
     refused('luzmo', 'invalid_secret'), 'www-authenticate' => 'X-Secret'],
    ['another type', [@Update, $Luzmo, 'X-Secret' => 'right',
                      'Content-Type' => 'text/plain'],
     refused('luzmo', 'unsupported_media_type')],
    ['an encoding', [@Update, $Luzmo, @Secret, 'Content-Encoding' => 'gzip'],
     refused('luzmo', 'unsupported_encoding')],
    ['an empty body', [@Update, '', @Secret],
     refused('luzmo', 'empty_body')],
    ['not JSON', [@Update, $Luzmo =~ s/,/,,/r, @Secret],
     refused('luzmo', 'invalid_json', offset => 1 + index $Luzmo, ',')],
    ['a member is missing', [@Update, $Luzmo =~ s/"key"/"kei"/r, @Secret],
     refused('luzmo', 400, 'key is required', 'missing_field',
             field => 'key')],
    ['a member comes twice', [@Update, $Luzmo =~ s/"more":/"slug":/r, @Secret],
     refused('luzmo', 400, 'slug is there more than once', 'duplicate_field',
             field => 'slug')],
    ['another\'s secret', [@Update, $Luzmo, 'X-Secret' => 'others', @Json],
     refused('luzmo', 'wrong_plugin', field => 'slug')],
    ['munity: no secret', ['POST', '/munity', $Munity, @Json],
     refused('problem', 'missing_secret'), 'www-authenticate' => 'X-Secret'],
    ['munity: a member is missing', ['POST', '/munity',
                                     $Munity =~ s/"test"/"tset"/r, @Secret],
     refused('problem', 400, 'payload.test is required', 'missing_field',
             field => 'payload.test')],
    ['lenra: no token', ['POST', '/app/webhooks', '{}', @Json],
     refused('lenra', 401, 'You are not authenticated', 'unauthenticated'),
     'www-authenticate' => 'Bearer'],
    ['lenra: no such webhook', ['POST', "/apps/$App/webhooks/$User", '{}',
                                @Json],
     $NotFound],
);

subtest 'refused' => sub {
    my $http = connection();

    for (@Refused) {
        my ($name, $request, $expected, %header) = @$_;
        my ($answer, $id) = post($http, @$request);
        my $headers = $http->headers($id);

        is($answer, $expected, $name);
        like($headers->{'content-type'},
             $expected =~ /about:blank/ ? qr{^application/problem\+json$}
                                        : qr{^application/json$},
             "$name: the content type");
        is($headers->{$_}, $header{$_}, "$name: $_")
            for qw(allow www-authenticate);

        # Of all that is not found, Lenra says the same.
        my $reason = $expected =~ /"reason":"(\w+)"/ && $1 ne 'error_404'
                     ? $1 : 'not_found';
        is($headers->{'x-reason'}, $reason, "$name: \$webhook_reason");
    }

    my $large = '413 ' . page('413 Request Entity Too Large');
    my @tiny = ('POST', '/tiny/data_updated');

    my ($answer, $id) = post($http, @tiny, $Luzmo, @Secret);
    is($answer, $large, 'too large, as its length says');

    is(in_pieces($http, $tiny[1], [split //, $Luzmo], @Secret), $large,
       'too large, without a length');

    ($answer) = post($http, 'POST', '/munity', $Munity, @Secret);
    is($answer, "200 $Munity", 'the connection is as good as before');
    is_deeply([arrived()], [event('/munity', $Munity)],
              'nothing that was refused is passed on');

    $Nginx->expect(qr/client intended to send too large (?:chunked )?body/);
    $http->close;
};

subtest 'refused before the body has been sent' => sub {
    my $http = connection();

    for (grep { $$_[2] =~ /^(?:40[145]|415)/ && defined $$_[1][2] } @Refused) {
        my ($name, $request, $expected) = @$_;
        my ($method, $path, undef, @header) = @$request;
        my $id = $http->head($method, $path, 'Content-Length' => 100, @header);

        is($http->answer($id), $expected, $name);

        # Whatever comes then is nobody's.
        $http->put($id, 'x' x 50);
        $http->put($id, 'x' x 50);
        $http->end($id);
    }

    my ($answer) = post($http, 'POST', '/munity', $Munity, @Secret);
    is($answer, "200 $Munity", 'the connection is as good as before');
    is_deeply([arrived()], [event('/munity', $Munity)],
              'nothing that was refused is passed on');

    $http->close;
};


# --- signatures -----------------------------------------------------------

sub github {
    my ($body, $key) = @_;
    return ('X-Hub-Signature-256' => 'sha256='
            . hmac_sha256_hex($body, $key // $Key), @Json);
}

sub standard {
    my ($body, %with) = @_;
    my $time = $with{time} // time;
    my $mac = hmac_sha256("msg_1.$time.$body", $with{key} // $Bytes);

    return ('webhook-id' => 'msg_1', 'webhook-timestamp' => $time,
            'webhook-signature' => 'v1,' . encode_base64($mac, ''), @Json);
}

subtest 'signatures' => sub {
    my $http = connection();
    my $long = qq({"text":"@{['l' x 20_000]}"});

    for (['/github', \&github], ['/standard', \&standard]) {
        my ($path, $sign) = @$_;

        my ($answer) = post($http, 'POST', $path, $Munity, $sign->($Munity));
        is($answer, "200 $Munity", "$path: a good one");

        is(in_pieces($http, $path, [split //, $Munity], $sign->($Munity)),
           "200 $Munity", "$path: a good one, byte by byte");

        is(in_pieces($http, $path, [unpack '(a999)*', $long], $sign->($long)),
           "200 $long", "$path: a good one, of a long body");

        is_deeply([arrived()], [event($path, $Munity), event($path, $Munity),
                                event($path, $long)],
                  "$path: what upstream got");

        my %refused = (
            'of another body' => [$sign->("$Munity ")],
            'by another key' => [$sign->($Munity, $path eq '/github' ? 'other'
                                                  : (key => 'other'))],
        );

        for my $name (sort keys %refused) {
            ($answer) = post($http, 'POST', $path, $Munity,
                             @{$refused{$name}});
            is($answer, refused('problem', 'invalid_signature'),
               "$path: one $name");
        }

        ($answer) = post($http, 'POST', $path, $Munity, @Json);
        is($answer, refused('problem', 'missing_signature'), "$path: none");
    }

    my ($answer) = post($http, 'POST', '/standard', $Munity,
                        standard($Munity, time => time - 1000));
    is($answer, refused('problem', 'stale_signature'), 'an old one');

    is_deeply([arrived()], [], 'nothing that was refused is passed on');

    $http->close;
};


# --- the queue ------------------------------------------------------------

subtest 'the queue' => sub {
    my $http = connection();
    my @bodies = map { $Munity =~ s/"w"/"w$_"/r } 1 .. 20;

    my ($answer) = post($http, 'POST', '/queue', $Munity =~ s/true/1/r,
                        @Secret);
    is($answer, refused('problem', 400, 'payload.test must be true or false',
                        'invalid_field', field => 'payload.test'),
       'a refused one');

    my @ids = map { $http->request('POST', '/queue', $_, @Secret) }
                  @bodies[0 .. 9];
    my @answers = ((map { $http->answer($_) } @ids),
                   map { in_pieces($http, '/queue', [unpack '(a9)*', $_],
                                   @Secret) } @bodies[10 .. 19]);

    is(scalar(grep { /^202 \{"id":"[0-9a-f-]{36}"\}\n\z/ } @answers), 20,
       'each is answered 202');

    my @arrived;
    wait_until(sub { push @arrived, arrived(); @arrived >= 20 });

    is_deeply([sort @arrived], [sort map { event('/queue', $_) } @bodies],
              'each is delivered, once');

    $http->close;
};


# --- registrations --------------------------------------------------------

subtest 'registrations' => sub {
    my $http = connection();

    my ($answer) = post($http, 'POST', '/app/webhooks',
                        '{"action":"act", "props":{"n": 1.0}}', @Token, @Json);

    my ($hook) = $answer =~ /"uuid":"([0-9a-f-]{36})"/;

    is($answer, qq(200 {"uuid":"$hook","action":"act","props":{"n": 1.0},)
                . qq("environment_id":1,"user_id":null}\n), 'one is created');

    ($answer) = post($http, 'GET', "/app/webhooks/$hook", undef, @Token);
    like($answer, qr/^200 \{"uuid":"$hook","action":"act",/, 'it is shown');

    for (['{"x":[1.0]}', '{"x":[1.0]}'], ['', '{}'], ['[1]', '{"_json":[1]}']) {
        my ($body, $event) = @$_;
        my $all = qq({"action":"act","props":{"n": 1.0},"event":$event});
        my $path = "/apps/$App/webhooks/$hook";

        ($answer) = post($http, 'POST', $path, $body, @Json);
        is($answer, "200 $all", "triggered with '$body'");
        is_deeply([arrived()], [event($path, $all)], 'what upstream got');

        next if $body eq '';

        is(in_pieces($http, $path, [split //, $body], @Json), "200 $all",
           "triggered with '$body', byte by byte");
        is_deeply([arrived()], [event($path, $all)], 'what upstream got');
    }

    ($answer) = post($http, 'POST', "/apps/$App/webhooks/$hook", '{"x":}',
                     @Json);
    is($answer, refused('lenra', 'invalid_json', offset => 5), 'not JSON');

    ($answer) = post($http, 'DELETE', "/app/webhooks/$hook", undef, @Token);
    is($answer, '204 ', 'it is deleted');

    ($answer) = post($http, 'POST', "/apps/$App/webhooks/$hook", '{}', @Json);
    is($answer, $NotFound, 'and gone');
    is_deeply([arrived()], [], 'nothing that was refused is passed on');

    $http->close;
};


# --- a reload -------------------------------------------------------------

# The sockets are those of the old workers and of the new ones: a packet that
# the wrong one gets is sent again, until the right one has it.

subtest 'a reload while bodies are being read' => sub {
    my $http = connection();
    my @open = map { $http->head(@Update, @Secret) } 1, 2;

    $http->put($_, substr $Luzmo, 0, 50) for @open;
    sleep 0.2;

    configure('new');
    ok($Nginx->reload(keep => 1), 'there are new workers');

    $http->put($_, substr $Luzmo, 50) for @open;
    $http->put($open[1], ']');
    $http->end($_) for @open;

    is($http->answer($open[0]), "200 $Luzmo", 'accepted by the old one');
    is($http->answer($open[1]),
       refused('luzmo', 'invalid_json', offset => length $Luzmo),
       'refused by the old one');

    $http->close;
    $http = connection();

    my ($answer) = post($http, @Update, $Luzmo, @Secret);
    is($answer, refused('luzmo', 'invalid_secret'),
       'the old secret is none any more');

    ($answer) = post($http, @Update, $Luzmo, 'X-Secret' => 'new', @Json);
    is($answer, "200 $Luzmo", 'the new one is one');

    is_deeply([arrived()], [(event('/luzmo/data_updated', $Luzmo)) x 2],
              'what upstream got');

    $http->close;
};

$Nginx->finish;
$Upstream->stop;
done_testing();
