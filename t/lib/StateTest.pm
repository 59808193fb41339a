package StateTest;

# An nginx with Lenra's registrations, and a state.
#
#     my $nginx = nginx('workers', workers => 4);
#     my $answer = through(($nginx->workers)[0], [$nginx->workers], \&list);
#
# Requests are those of Registrations.pm.

use strict;
use warnings;

use Exporter qw(import);
use NginxProcess;
use Registrations;
use Time::HiRes qw(sleep);

our @EXPORT = qw(config nginx through random_sleep);

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;


# zone and state are those of webhook_zone; main, workers: see NginxProcess
sub config {
    my ($nginx, %with) = @_;
    my $port = NginxProcess::port(0);
    my $upstream = NginxProcess::port(1);
    my $zone = 'zone=hooks:' . ($with{zone} // '4m');

    $zone .= " state=$with{state}" if $with{state};
    $zone .= " state_size=$with{size}" if $with{size};
    $zone .= " record_size=$with{record}" if $with{record};

    $with{more} //= '';

    $nginx->configure(%with, http => <<END);
    webhook_zone $zone;
    $with{more}

    webhook_app $App environment=1 token=t0ken;

    server {
        listen 127.0.0.1:$port;
        add_header X-Pid \$pid always;

        location /app/ {
            webhook lenra zone=hooks;
        }

        location /apps/ {
            webhook lenra zone=hooks;
            add_header X-Pid \$pid always;
            add_header X-Action \$webhook_action always;
            proxy_pass http://127.0.0.1:$upstream;
        }
    }

    server {
        listen 127.0.0.1:$upstream;
        return 200 "passed\\n";
    }
END

    return $nginx;
}

# A running nginx, with a state of its own name
sub nginx {
    my ($name, %with) = @_;
    my $nginx = NginxProcess->new(name => $name);
    config($nginx, state => "$Root/$name", %with)->start;

    my $n = $with{workers} // 2;
    wait_until(sub { $nginx->workers == $n });

    return $nginx;
}

# Through one worker, on a connection of its own
sub through {
    my ($pid, $all, $sub, @arguments) = @_;

    return NginxProcess::only($pid, $all, sub {
        my $answer = $sub->(client(), @arguments);

        # Another one, in its place, if it is gone.
        return if ref $answer eq 'HASH'
                  && $answer->{headers}{'x-pid'} != $pid;

        return $answer;
    });
}

sub random_sleep { sleep 0.01 + rand 0.05 }

1;
