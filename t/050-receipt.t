use strict;
use warnings;

use lib 't/lib';
use Answers qw(problem);
use HTTPClient qw($Head answer answer2 data dial dial2 headers put request);
use NginxProcess;
use Test::More;

use Digest::SHA qw(hmac_sha256_hex);

# What the sender of a queued event is answered: "status=", "answer=" and
# "type=" of webhook_queue.

my $Root = $NginxProcess::Root;
my $Port = NginxProcess::port(0);
my $Port2 = NginxProcess::port(1);
my $Uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}
              -[0-9a-f]{12}/x;


# --- what nginx -t says -----------------------------------------------------

{
    my $nginx = NginxProcess->new(name => 'receipt-config');

    $nginx->expect(qr/\[emerg\]/);

    my $say = sub {
        my ($queue) = @_;

        $nginx->configure(http => "
            webhook_queue_path $Root/queue queue=q;
            server {
                location / {
                    webhook signed;
                    webhook_signature github hush;
                    webhook_queue q $queue;
                }
            }
        ");

        my (undef, $output) = $nginx->run('-t');
        my ($said) = $output =~ /\[emerg\] (.*)/;

        $said //= $output =~ /test is successful/ ? 'ok' : $output;
        $said =~ s{^"webhook_queue" directive (.*) in \S+:\d+$}{$1};

        return $said =~ s{ in \S+:\d+$}{}r;
    };

    for my $good ('', 'status=200', 'status=202', 'status=204', 'status=299',
                  'answer=', 'answer=ok', '"answer=[accepted] $webhook_id"',
                  'answer=x type=text/html',
                  'type=text/xml status=201 answer=x',
                  '"type=text/plain; charset=utf-8" answer=x')
    {
        is($say->($good), 'ok', "webhook_queue q $good");
    }

    my $status = 'has an invalid "status=": one of 200 to 299 is expected, for '
                 . 'senders take others for a refusal';
    my $document = 'has a "status=" that is for documents, not for events: 200,'
                   . ' 202 and 204 are usual';

    for my $bad (
        (map { ["status=$_", $status] }
         '', 0, 1, 20, 100, 199, 300, 404, 500, 999, 2000, '0200', 'abc', '2e2',
         '-200', '200x', '200,202'),
        (map { ["status=$_", $document] } 205, 206),
        ['status=200 status=202', 'invalid parameter "status=202"'],
        ['answer=a answer=b', 'invalid parameter "answer=b"'],
        ['answer=a type=a/b type=c/d', 'invalid parameter "type=c/d"'],
        ['answer=a type=', 'invalid parameter "type="'],
        (map { ["answer=a $_", 'has an invalid "type=": a media type, such as '
                               . '"text/plain", is expected'] }
         'type=html', 'type=/', 'type=text/', 'type=a/b/c', 'type=text/*',
         '"type=a b/c"', 'type="text/plain"', '"type=;charset=utf-8"',
         '"type=text/plain\r\nX-A: b"', '"type=text/plain; a=\r\nX-A: b"'),
        ['type=text/xml', 'has a "type=", but no "answer=" that is of it'],
        ['status=200 type=text/xml',
         'has a "type=", but no "answer=" that is of it'],
        ['status=204 answer=x',
         'has an "answer=", but "status=204" has no body'],
        ['answer= status=204',
         'has an "answer=", but "status=204" has no body'],
        ['answer=$no_such_variable', 'unknown "no_such_variable" variable'],
        ['answer=$', 'invalid variable name'],
        ['Status=200', 'invalid parameter "Status=200"'],
        ['200', 'invalid parameter "200"'],
        ['endpoints=', 'invalid parameter "endpoints="'])
    {
        is($say->($bad->[0]), $bad->[1], "webhook_queue q $bad->[0]");
    }

    $nginx->finish;
}


# --- answers ----------------------------------------------------------------

my $nginx = NginxProcess->new(name => 'receipt');

sub location {
    my ($name, $queue, $more) = @_;

    $more //= '';

    return <<"EOF";
        location /$name/ {
            webhook signed;
            webhook_signature github hush;
            webhook_queue q $queue;
            $more
        }
EOF
}

my %Queue = (
    plain => '',
    ok => 'status=200',
    none => 'status=204',
    empty => 'status=200 answer=',
    text => 'status=200 answer=[accepted]',
    id => '"answer=id=$webhook_id&from=$http_x_from"',
    twiml => 'status=201 "answer=<Response/>" type=text/xml',
);

my $Locations = join '', map { location($_, $Queue{$_}) } sort keys %Queue;

$Locations .= location('once', '"answer=$webhook_id" status=200',
                       'webhook_dedup $http_x_key zone=seen;');
$Locations .= location('once-none', 'status=204',
                       'webhook_dedup $http_x_key zone=seen;');
$Locations .= location('if', 'status=200 answer=outer',
                       'if ($http_x_if) { set $x 1; }');

$nginx->configure(http => <<"EOF");
    webhook_queue_path $Root/queue queue=q;
    webhook_dedup_zone zone=seen:1m;

    server {
        listen 127.0.0.1:$Port;
        listen 127.0.0.1:$Port2 http2;

$Locations
        location /api/ {
            webhook_api;
            webhook_secret off;
        }
    }
EOF
$nginx->start;

sub signed {
    my ($body) = @_;

    return ('X-Hub-Signature-256' =>
            'sha256=' . hmac_sha256_hex($body, 'hush'));
}

sub told {
    my ($answer) = @_;
    my ($type) = $Head =~ /^Content-Type: (.*)\r$/mi;
    my ($length) = $Head =~ /^Content-Length: (.*)\r$/mi;

    return join ' | ', $answer, map { $_ // 'none' } $type, $length;
}

my %Answer = (
    plain => qr/^202 \{"id":"$Uuid"\}\n \| application\/json \| 46$/,
    ok => qr/^200 \{"id":"$Uuid"\}\n \| application\/json \| 46$/,
    none => qr/^204  \| none \| none$/,
    empty => qr/^200  \| text\/plain \| 0$/,
    text => qr/^200 \[accepted\] \| text\/plain \| 10$/,
    id => qr/^202 id=$Uuid&from=<me> \| text\/plain \| 49$/,
    twiml => qr/^201 <Response\/> \| text\/xml \| 11$/,
    if => qr/^200 outer \| text\/plain \| 5$/,
);

sub waiting {
    my $answer = NginxProcess::Client->new->request(GET => '/api/queues/q');

    return $answer->{body} =~ /"waiting":(\d+)/ ? $1 : undef;
}

subtest 'HTTP/1.1' => sub {
    my $socket = dial($Port);
    my $n = 0;

    for my $name (sort keys %Answer) {
        for my $more ([], ['X-If' => 1], ['If-Modified-Since' => 'x',
                                          'If-None-Match' => '*'])
        {
            my $body = "event of $name";

            put($socket, request('POST', "/$name/", $body, signed($body),
                                 'X-From' => '<me>', @$more));
            like(told(answer($socket)), $Answer{$name}, "$name @$more");
            $n++;
        }

        put($socket, request('POST', "/$name/", 'x', signed('y')));
        is(answer($socket), '401 ' . problem('invalid_signature'),
           "$name: a wrong signature");

        put($socket, request('HEAD', "/$name/", undef));
        is(answer($socket, 1), '405 ', "$name: HEAD");
    }

    is(waiting(), $n, 'all of them are in the queue');
};

subtest 'the id is the one in the queue' => sub {
    my $socket = dial($Port);
    my $client = NginxProcess::Client->new;

    put($socket, request('POST', '/id/', 'x', signed('x')));
    my ($id) = answer($socket) =~ /id=($Uuid)/;

    is($client->request(GET => "/api/queues/q/events/$id")->{status}, 200,
       'it is found by it');

    put($socket, request('POST', '/id/', 'x', signed('x'),
                         'webhook-id' => 'msg_7'));
    is(answer($socket), '202 id=msg_7&from=', 'but for the one of the sender');
};

subtest 'HTTP/2' => sub {
    my $socket = dial2($Port2);
    my $stream = 1;

    # answer2() knows the statuses that nginx has a number for, and 202
    for my $name (sort grep { $_ ne 'twiml' } keys %Answer) {
        my $body = "event of $name";

        put($socket, headers($stream, 'POST', "/$name/", 0, signed($body),
                             'x-from' => '<me>'), data($stream, $body, 1));

        my ($status, $text) = answer2($socket, $stream) =~ /^(\d+) (.*)/s;

        is($status, $Answer{$name} =~ /\^(\d+)/ ? $1 : 0, "$name: status");
        like($text, $name =~ /^(?:none|empty)$/ ? qr/^\z/
                    : qr/^(?:\{"id":"$Uuid"\}\n|\[accepted\]|outer
                          |id=$Uuid&from=<me>)\z/x, "$name: body");

        $stream += 2;
    }
};

subtest 'HTTP/1.0' => sub {
    my $socket = dial($Port);

    put($socket, request('POST', '/none/', 'x', signed('x'))
                 =~ s/HTTP\/1\.1/HTTP\/1.0/r);

    my $all = do { local $/; <$socket> };

    like($all, qr/^HTTP\/1\.1 204 No Content\r\n.*\r\n\r\n\z/s,
         'without a body');
};

subtest 'duplicates' => sub {
    my $socket = dial($Port);
    my $n = waiting();
    my $send = sub {
        my ($uri, @more) = @_;
        put($socket, request('POST', $uri, 'x', signed('x'), @more));
        return told(answer($socket));
    };

    my $first = $send->('/once/', 'X-Key' => 'a');

    like($first, qr/^200 $Uuid \| text\/plain \| 36$/, 'an event');
    is($send->('/once/', 'X-Key' => 'a'), $first,
       'its duplicate gets the same answer');
    isnt($send->('/once/', 'X-Key' => 'b'), $first, 'another one does not');

    $first = $send->('/once/', 'X-Key' => 'c', 'webhook-id' => 'msg_1');
    is($first, '200 msg_1 | text/plain | 5', 'an event with an id');
    is($send->('/once/', 'X-Key' => 'c', 'webhook-id' => 'msg_1'), $first,
       'its duplicate');
    is($send->('/once-none/', 'X-Key' => 'd'), '204  | none | none',
       'one without a body');
    is($send->('/once-none/', 'X-Key' => 'd'), '204  | none | none',
       'its duplicate');

    is(waiting(), $n + 4, 'each of them is there once');
};

$nginx->finish;
done_testing();
