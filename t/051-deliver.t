use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use QueueTest qw(config nginx event send_event client id waiting dead drained
                 descriptors numbers);
use Destination;
use Test::More;

use Time::HiRes qw(sleep time);

# What becomes of an event that was acknowledged: it is delivered at least once,
# whatever happens to nginx or to its destination.

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;
my $To = Destination->new(port => NginxProcess::port(1))->start;

my $Refused = qr/Connection refused/;
my $Dead = qr/webhook queue "q": event [0-9a-f-]{36} is dead after attempt/;

# So many events, one after the other; returns the numbers of those that were
# acknowledged
sub send_events {
    my ($n, %headers) = @_;
    my $client = client();
    my @numbers;

    for (1 .. $n) {
        my $body = event();
        push @numbers, numbers({body => $body})
            if id(send_event($client, %headers, body => $body));
    }

    return @numbers;
}

sub sorted { return [sort { $a <=> $b } @_] }


# --- beside nginx's other directives --------------------------------------

subtest 'what fails at once' => sub {
    my $nginx = nginx('at-once', retry => '200ms 200ms',
                      http => 'upstream nobody { server unix:/nobody; }',
                      pass => 'proxy_pass http://nobody;');
    $nginx->expect(qr/connect\(\) to unix:/, $Dead);

    is(scalar(send_events(20)), 20, 'acknowledged');
    ok(wait_until(sub { (dead() // 0) == 20 }), 'and dead');
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
    cmp_ok($seen[-1]{time} - $seen[0]{time}, '>', 0.7, 'but not at once');
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

    for my $location ('@deliver', '/deliver/', '~ ^/deliver') {
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
        $nginx->expect(qr/upstream prematurely closed/);
        $To->forget;

        send_events(1, 'X-Do' => '500, close, 404, 200');
        my @seen = $To->wait_for(4);
        is_deeply([map { $_->{headers}{'x-attempt'} } @seen], [1 .. 4],
                  'each failure is one');
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

    is(send_event(client(), uri => '/deliver/x')->{status}, 403,
       'but nobody else gets there');
    $nginx->expect(qr/access forbidden by rule, client: 127\.0\.0\.1/);
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
        sub_filter done undone;
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

$To->stop;
done_testing();
